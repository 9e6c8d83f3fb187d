// SPDX-License-Identifier: BSL-1.0
//
// The part of Go in channel_bench.cpp, which asks for one sample a line: "ping_pong" or "stream",
// and how many messages. The answer is the processor time that a message took, in nanoseconds.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"syscall"
)

func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return float64(usage.Utime.Nano() + usage.Stime.Nano())
}

// Two goroutines, two channels without capacity: each message is answered by one.
func pingPong(messages int) {
	there, back := make(chan int), make(chan int)
	go func() {
		for message := range there {
			back <- message
		}
		close(back)
	}()
	for sent := 0; sent < messages; sent += 2 {
		there <- sent
		<-back
	}
	close(there)
	<-back
}

// One sends and the other receives, with room for 128.
func stream(messages int) {
	items := make(chan int, 128)
	go func() {
		for sent := 0; sent < messages; sent++ {
			items <- sent
		}
		close(items)
	}()
	for range items {
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	bodies := map[string]func(int){"ping_pong": pingPong, "stream": stream}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var name string
		var messages int
		if _, err := fmt.Sscan(lines.Text(), &name, &messages); err != nil {
			panic(err)
		}
		start := processorTime()
		bodies[name](messages)
		fmt.Println((processorTime() - start) / float64(messages))
	}
}
