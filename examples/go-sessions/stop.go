package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"
)

// stopGracefully takes no new requests, waits for those in flight and ends with status 0.
func stopGracefully(server *http.Server, grace time.Duration) {
	deadline, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := server.Shutdown(deadline); err != nil {
		log.Printf("stopped with requests unanswered: %v", err)
		os.Exit(1)
	}
	log.Print("stopped gracefully")
}
