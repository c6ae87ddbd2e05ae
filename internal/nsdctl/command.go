package nsdctl

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// command has the operator's own program speak to NSD, such as "sudo nsd-control".
type command []string

// send runs it with the words of the command behind its own.
func (c command) send(ctx context.Context, words string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime+answerTime)
	defer cancel()
	args := append(append([]string{}, c[1:]...), strings.Fields(words)...)
	cmd := exec.CommandContext(ctx, c[0], args...)
	// A group of its own, so that what the program started ends with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = lastWords
	out, err := cmd.CombinedOutput()
	answer := strings.TrimSpace(string(out))
	line := strings.Join(slices.Concat(c, []string{words}), " ")
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return "", fmt.Errorf("nsd.control_command: '%s' has not ended in %v", line, dialTime+answerTime)
	case err != nil && answer == "":
		return "", fmt.Errorf("nsd.control_command: '%s': %w", line, err)
	case err != nil:
		return "", fmt.Errorf("nsd.control_command: '%s': %s", line, firstLine(answer, err))
	}
	return answer, nil
}

// mustSucceed runs a command that answers "ok". NSD's exit codes tell little: it is
// 0 for a warning and for a connection that was dropped.
func mustSucceed(ctx context.Context, nsd commander, words string) error {
	answer, err := nsd.send(ctx, words)
	if err != nil {
		return err
	}
	for line := range strings.SplitSeq(answer, "\n") {
		if strings.TrimSpace(line) == "ok" {
			return nil
		}
	}
	return fmt.Errorf("NSD refuses '%s': %.200q", words, strings.TrimSpace(answer))
}
