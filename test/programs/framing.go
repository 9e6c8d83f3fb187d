// SPDX-License-Identifier: BSL-1.0
//
// What Go's net/http makes of some bytes, each time on a connection of its own, in memory.
//
//	framing           reads sizes (four bytes, the lowest first) with so many bytes behind each
//
// For each it prints the requests that it sees, with the size of the body, or "-" when that does not
// come whole; then how it ends: "w" when it waits for more, "c" when it has ended the connection
// after an answer, "r" when it has refused something.
//
//	5 POST /
//	0 GET /end
//	c
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"
)

type connection struct {
	input   *bytes.Reader
	output  bytes.Buffer
	seen    bytes.Buffer
	ended   bool
	refused bool
	done    chan struct{}
}

func (c *connection) Read(into []byte) (int, error) {
	size, err := c.input.Read(into)
	// The server listens with a single byte for clients that go away while a handler runs.
	if err != nil && len(into) > 1 {
		c.ended = true
	}
	return size, err
}

func (c *connection) Write(from []byte) (int, error) {
	status := byte(0)
	if bytes.HasPrefix(from, []byte("HTTP/1.")) && len(from) > len("HTTP/1.1 2") {
		status = from[len("HTTP/1.1 ")]
	}
	if status == '4' || status == '5' {
		// Who hears the end in the middle of a request has not refused it.
		c.refused = c.refused || !c.ended
	}
	if status == '2' && !bytes.Contains(from, []byte("X-Seen")) {
		// The server answers that by itself.
		fmt.Fprintln(&c.seen, "- OPTIONS *")
	}
	return c.output.Write(from)
}

func (c *connection) Close() error {
	select {
	case <-c.done:
	default:
		close(c.done)
	}
	return nil
}

func (c *connection) how() string {
	if c.refused {
		return "r"
	}
	text := c.output.Bytes()
	last := bytes.LastIndex(text, []byte("HTTP/1."))
	if last < 0 {
		return "w"
	}
	text = text[last:]
	says := func(what string) bool { return bytes.Contains(text, []byte("\r\nConnection: "+what)) }
	if says("close") || (bytes.HasPrefix(text, []byte("HTTP/1.0")) && !says("keep-alive")) {
		return "c"
	}
	return "w"
}

func (c *connection) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (c *connection) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (c *connection) SetDeadline(time.Time) error      { return nil }
func (c *connection) SetReadDeadline(time.Time) error  { return nil }
func (c *connection) SetWriteDeadline(time.Time) error { return nil }

type listener struct{ connections chan net.Conn }

func (l listener) Accept() (net.Conn, error) { return <-l.connections, nil }
func (l listener) Close() error              { return nil }
func (l listener) Addr() net.Addr            { return &net.UnixAddr{} }

type key struct{}

func answer(writer http.ResponseWriter, request *http.Request) {
	c := request.Context().Value(key{}).(*connection)
	writer.Header().Set("X-Seen", "yes")
	size, err := io.Copy(io.Discard, request.Body)
	if err != nil {
		fmt.Fprintf(&c.seen, "- %s %s\n", request.Method, request.RequestURI)
		c.refused = c.refused || !c.ended
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(&c.seen, "%d %s %s\n", size, request.Method, request.RequestURI)
}

func main() {
	runtime.GOMAXPROCS(1)
	accepting := listener{make(chan net.Conn)}
	server := &http.Server{
		Handler:  http.HandlerFunc(answer),
		ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, key{}, c)
		},
	}
	go server.Serve(accepting)
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		if in.Buffered() == 0 {
			out.Flush()
		}
		var size uint32
		if binary.Read(in, binary.LittleEndian, &size) != nil {
			return
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(in, text); err != nil {
			return
		}
		c := &connection{input: bytes.NewReader(text), done: make(chan struct{})}
		accepting.connections <- c
		<-c.done
		out.Write(c.seen.Bytes())
		fmt.Fprintln(out, c.how())
	}
}
