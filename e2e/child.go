package e2e

import (
	"os/exec"
	"syscall"
)

// child makes a process end with this one, however this one ends: a killed test run
// must leave no server, client or tracer behind. (Linux; what `straza serve` starts
// itself sees the end of its standard input.)
func child(cmd *exec.Cmd) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}
