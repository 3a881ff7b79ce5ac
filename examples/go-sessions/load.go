package main

import (
	"net/http"
	"os"
	"time"
)

// startSelfLoad has clients log in without end, straight through the handler, once the file is there if one is named:
// rate is in MB/s over all of them.
func startSelfLoad(handler http.Handler, rate float64, clients, sessionSize int, when string) {
	if rate == 0 {
		return
	}
	for when != "" {
		if _, err := os.Stat(when); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for i := 0; i < clients; i++ {
		go logInForever(handler, rate/float64(clients)*1e6/float64(sessionSize))
	}
}

// logInForever opens perSecond sessions a second; less than 0 is no pause at all. What was missed is not made up for.
func logInForever(handler http.Handler, perSecond float64) {
	request, err := http.NewRequest(http.MethodPost, "/login", nil)
	if err != nil {
		panic(err) // the arguments are constants
	}
	interval := time.Duration(float64(time.Second) / perSecond)
	next := time.Now()
	for {
		handler.ServeHTTP(discard{header: http.Header{}}, request)
		if interval <= 0 {
			continue
		}
		next = next.Add(interval)
		if late := time.Since(next); late > time.Millisecond {
			next = time.Now()
		}
		time.Sleep(time.Until(next))
	}
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header            { return d.header }
func (d discard) Write(body []byte) (int, error) { return len(body), nil }
func (d discard) WriteHeader(int)                {}
