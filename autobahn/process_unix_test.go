//go:build unix

package autobahn

import (
	"os/exec"
	"syscall"
)

// ownGroup starts cmd as the leader of a new process group and ends the whole group, and nothing else, when cmd's context
// ends: .cache/bin/wstest may be a script that has wstest as its child.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
