// SPDX-License-Identifier: BSL-1.0
//
// A baseline: the page of docs/examples/http_server.cpp from Go's net/http, on one processor, with
// the same limits on waits.
//
//	http_go           prints "listening on 127.0.0.1:PORT"; ends with SIGTERM
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func answer(writer http.ResponseWriter, request *http.Request) {
	writer.Header().Set("Content-Type", "text/plain")
	if request.URL.Path != "/" {
		writer.WriteHeader(http.StatusNotFound)
		io.WriteString(writer, "nothing here\n")
		return
	}
	io.WriteString(writer, "hello from tendril\n")
}

func main() {
	runtime.GOMAXPROCS(1)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	server := &http.Server{
		Handler:           http.HandlerFunc(answer),
		IdleTimeout:       15 * time.Second,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second,
	}
	go server.Serve(listener)
	quit := make(chan os.Signal, 1)
	signal.Notify(quit, syscall.SIGTERM, os.Interrupt)
	<-quit
}
