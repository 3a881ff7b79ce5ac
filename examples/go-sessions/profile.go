package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/pprof"
)

// writeProfiles writes one heap profile for each signal.
//
// There is no runtime.GC() before it: the profile is that of the last collection, old enough by one cycle to miss
// nothing of a leak, and a collection is the last thing a service short of memory should wait for.
func writeProfiles(directory string, signals <-chan os.Signal) {
	number := 0
	for range signals {
		number++
		path := filepath.Join(directory, fmt.Sprintf("heap-%d-%d.pb.gz", os.Getpid(), number))
		if err := writeProfile(path); err != nil {
			log.Printf("heap profile: %v", err)
			continue
		}
		log.Printf("heap profile: %s", path)
	}
}

// writeProfile has the file appear under its name only when it is whole.
func writeProfile(path string) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".partial-*") // mode 0600: a profile tells about users
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	if err := pprof.WriteHeapProfile(file); err != nil {
		file.Close()
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
