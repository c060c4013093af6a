package peer

import (
	"context"
	"io"
	"net/http"

	"straza/internal/kernel/fault"
)

// fetched is an answer on its way.
type fetched struct {
	resp *http.Response
	body *aheadReader
	err  error
}

func (f *fetched) close() {
	if f.body != nil {
		f.body.close()
	}
}

// fetcher opens the next answers while one is being read, in order, with at most
// ahead of them under way and aheadBytes of each in memory.
type fetcher struct {
	queue chan chan *fetched
}

func fetchAhead(ctx context.Context, list []item, open func(context.Context, item) (*http.Response, error)) *fetcher {
	f := &fetcher{queue: make(chan chan *fetched, ahead-1)}
	go func() {
		defer close(f.queue)
		for _, it := range list {
			c := make(chan *fetched, 1)
			select {
			case f.queue <- c:
			case <-ctx.Done():
				return
			}
			go func() {
				resp, err := open(ctx, it)
				got := &fetched{resp: resp, err: err}
				if err == nil {
					got.body = readAhead(resp.Body)
				}
				c <- got
			}()
		}
	}()
	return f
}

// next waits for the next answer.
func (f *fetcher) next() *fetched {
	c, ok := <-f.queue
	if !ok {
		return &fetched{err: fault.New(fault.Unavailable, "the run was ended")}
	}
	return <-c
}

// drain closes what was opened and is not wanted; its context must have ended.
func (f *fetcher) drain() {
	for c := range f.queue {
		(<-c).close()
	}
}

const (
	aheadPiece  = 32 << 10
	aheadPieces = 32 // 1 MiB
)

// aheadReader reads a body while its reader is busy, within bounds.
type aheadReader struct {
	src  io.ReadCloser
	in   chan []byte
	done chan struct{}
	err  error // of src, set before in is closed
	rest []byte
}

func readAhead(src io.ReadCloser) *aheadReader {
	r := &aheadReader{src: src, in: make(chan []byte, aheadPieces), done: make(chan struct{})}
	go func() {
		defer close(r.in)
		for {
			b, n, err := make([]byte, aheadPiece), 0, error(nil)
			for n < len(b) && err == nil {
				var m int
				m, err = src.Read(b[n:])
				n += m
			}
			if n > 0 {
				select {
				case r.in <- b[:n]:
				case <-r.done:
					return
				}
			}
			if err != nil {
				r.err = err
				return
			}
		}
	}()
	return r
}

func (r *aheadReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		b, ok := <-r.in
		if !ok {
			return 0, r.err
		}
		r.rest = b
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *aheadReader) close() {
	close(r.done)
	_ = r.src.Close()
	for range r.in { //nolint:revive // until the reading goroutine has ended
	}
}
