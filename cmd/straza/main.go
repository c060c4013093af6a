// Command straza is the one program on which a CERT runs; see `straza help`.
package main

import (
	"os"
	_ "time/tzdata" // Belgrade time also where the machine knows no zones

	"straza/internal/app"
)

func main() {
	os.Exit(app.Main(os.Args[1:], app.Process{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Environ: os.Environ()}))
}
