package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// admission lets all requests pass, or, while it sheds load, every second one.
type admission struct {
	shedFor  time.Duration
	shedding atomic.Bool
	arrived  atomic.Uint64
}

func newAdmission(shedFor time.Duration) *admission {
	return &admission{shedFor: shedFor}
}

// admit answers 503 in place of the handler when the request is turned away.
func (a *admission) admit(handler http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.shedding.Load() && a.arrived.Add(1)%2 == 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(a.shedFor.Seconds())+1))
			http.Error(w, "shedding load", http.StatusServiceUnavailable)
			return
		}
		handler(w, r)
	})
}

// shedOn halves the load on each signal, for shedFor from the last one. A signal that comes twice must not give the
// load back: it comes from someone who sees that memory is still short.
func (a *admission) shedOn(signals <-chan os.Signal) {
	for range signals {
		a.shedding.Store(true)
		log.Printf("admitting half of the requests for %v", a.shedFor)
		for again := true; again; {
			select {
			case <-signals:
				log.Printf("admitting half for another %v", a.shedFor)
			case <-time.After(a.shedFor):
				again = false
			}
		}
		a.shedding.Store(false)
		log.Print("admitting all requests again")
	}
}
