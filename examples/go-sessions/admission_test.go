package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"syscall"
	"testing"
	"time"
)

func statuses(gate *admission, requests int) map[int]int {
	handler := gate.admit(func(http.ResponseWriter, *http.Request) {})
	counts := make(map[int]int)
	for i := 0; i < requests; i++ {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/count", nil))
		counts[answer.Code]++
	}
	return counts
}

func TestEveryRequestIsAdmittedUntilToldToShed(t *testing.T) {
	if got := statuses(newAdmission(time.Hour), 100)[http.StatusOK]; got != 100 {
		t.Errorf("admitted %d of 100", got)
	}
}

func TestHalfOfTheRequestsAreAdmittedWhileShedding(t *testing.T) {
	gate := newAdmission(time.Hour)
	signals := make(chan os.Signal)
	go gate.shedOn(signals)
	signals <- syscall.SIGUSR2
	signals <- syscall.SIGUSR2 // taken only once the first one is acted upon

	counts := statuses(gate, 100)
	if counts[http.StatusOK] != 50 || counts[http.StatusServiceUnavailable] != 50 {
		t.Errorf("answered %v", counts)
	}
}
