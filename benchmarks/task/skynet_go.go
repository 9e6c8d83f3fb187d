// SPDX-License-Identifier: BSL-1.0
//
// The part of Go in skynet_bench.cpp: a tree of goroutines, each with ten children that send their
// sums over a channel. Prints the sum.
package main

import (
	"fmt"
	"runtime"
)

const children = 10

func skynet(sums chan int, number int, size int) {
	if size == 1 {
		sums <- number
		return
	}
	parts := make(chan int)
	for child := 0; child < children; child++ {
		go skynet(parts, number+child*(size/children), size/children)
	}
	sum := 0
	for child := 0; child < children; child++ {
		sum += <-parts
	}
	sums <- sum
}

func main() {
	runtime.GOMAXPROCS(1)
	sums := make(chan int)
	go skynet(sums, 0, 1000000)
	fmt.Println(<-sums)
}
