// SPDX-License-Identifier: BSL-1.0
//
// The part of Go in sleepers_bench.cpp: 100,000 goroutines that sleep 1 to 1000 ms. Prints how late
// they woke, as the p99 in milliseconds.
package main

import (
	"fmt"
	"math/rand"
	"runtime"
	"sort"
	"sync"
	"time"
)

const sleepers = 100000
const atATime = 100

func main() {
	runtime.GOMAXPROCS(1)
	late := make([]float64, sleepers)
	var all sync.WaitGroup
	all.Add(sleepers)
	for made := 0; made < sleepers; made++ {
		nap := time.Duration(1+rand.Intn(1000)) * time.Millisecond
		go func(index int) {
			wanted := time.Now().Add(nap)
			time.Sleep(nap)
			late[index] = float64(time.Since(wanted)) / float64(time.Millisecond)
			all.Done()
		}(made)
		if made%atATime == 0 {
			runtime.Gosched()
		}
	}
	all.Wait()
	sort.Float64s(late)
	fmt.Println(late[sleepers*99/100])
}
