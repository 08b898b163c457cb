//go:build unix

package peers

import (
	"os/exec"
	"syscall"
)

// inGroup has cmd and the processes that it starts ended together.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
