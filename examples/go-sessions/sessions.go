package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
)

// session is what is kept of a visitor.
type session struct {
	profile []byte
}

// store keeps every session there ever was.
type store struct {
	sessionSize int

	mutex    sync.Mutex
	sessions map[string]*session
}

func newStore(sessionSize int) *store {
	return &store{sessionSize: sessionSize, sessions: make(map[string]*session)}
}

// rememberSessionForever is the leak: there is no function that forgets. The heap profile names it.
//
//go:noinline
func (s *store) rememberSessionForever() string {
	opened := &session{profile: make([]byte, s.sessionSize)}
	for page := 0; page < len(opened.profile); page += 4096 {
		opened.profile[page] = 1
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	id := strconv.Itoa(len(s.sessions) + 1)
	s.sessions[id] = opened
	return id
}

func (s *store) count() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.sessions)
}

// routes puts admission before everything but the health check: a service that sheds load is healthy.
func routes(sessions *store, gate *admission) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("/login", gate.admit(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, sessions.rememberSessionForever())
	}))
	mux.Handle("/count", gate.admit(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, sessions.count(), "sessions")
	}))
	return mux
}
