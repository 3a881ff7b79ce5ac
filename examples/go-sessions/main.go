// A web service with the classic leak: sessions that are remembered and never forgotten.
//
//	SIGUSR1  writes a heap profile into -profile-dir, as heap-<pid>-<number>.pb.gz
//	SIGUSR2  admits only every second request for -shed-for; sent again, the time starts anew
//	SIGTERM  answers what is in flight and exits with 0
//
// It is the service of the policies "go" and "three-tiers" of highwater.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof" // serves /debug/pprof on http.DefaultServeMux, which only -pprof-addr shows
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "serve on `host:port`; port 0 takes a free one and says which")
	pprofAddr := flag.String("pprof-addr", "", "also serve net/http/pprof on `host:port`, for a dump by HTTP")
	profiles := flag.String("profile-dir", os.TempDir(), "SIGUSR1 writes heap profiles into `directory`")
	shedFor := flag.Duration("shed-for", 5*time.Minute, "SIGUSR2 halves the admitted requests for so long")
	sessionSize := flag.Int("session-size", 64<<10, "`bytes` kept by a session")
	load := flag.Float64("self-load", 0, "open sessions by itself, `MB/s` (10^6 bytes) of them before shedding; -1 is as fast as it can")
	when := flag.String("self-load-when", "", "only once this `file` is there")
	clients := flag.Int("self-load-clients", 1, "`number` of clients that share the self-load")
	grace := flag.Duration("grace", 10*time.Second, "on SIGTERM, wait so long for requests in flight")
	flag.Parse()

	gate := newAdmission(*shedFor)
	handler := routes(newStore(*sessionSize), gate)
	dumps := notify(syscall.SIGUSR1)
	sheds := notify(syscall.SIGUSR2)
	stops := notify(syscall.SIGTERM, syscall.SIGINT)

	go writeProfiles(*profiles, dumps)
	go gate.shedOn(sheds)
	if *pprofAddr != "" {
		serve("profiles on", *pprofAddr, http.DefaultServeMux)
	}
	server := serve("listening on", *addr, handler)
	go startSelfLoad(handler, *load, *clients, *sessionSize, *when)

	log.Printf("%v: stopping", <-stops)
	stopGracefully(server, *grace)
}

// notify catches the signals from now on. Go's default for SIGUSR1 is to ignore it, so that a dump would silently not
// happen before this.
func notify(signals ...os.Signal) <-chan os.Signal {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, signals...)
	return caught
}

// serve listens, says where, and answers in the background.
func serve(what, addr string, handler http.Handler) *http.Server {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("%s %s", what, listener.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			log.Fatal(err)
		}
	}()
	return server
}
