package audit

import (
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// Who is the user behind a command, as the kernel has it.
type Who struct {
	UID  *uint32 `json:"uid,omitempty"` // nil: not known
	User string  `json:"user,omitempty"`
	PID  int32   `json:"pid,omitempty"`
}

// Self is who runs this process.
func Self() Who { return who(uint32(os.Getuid()), int32(os.Getpid())) }

// Peer is who has connected to a unix socket (SO_PEERCRED), empty where that isn't known.
func Peer(conn net.Conn) Who {
	c, ok := conn.(*net.UnixConn)
	if !ok {
		return Who{}
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return Who{}
	}
	var cred *unix.Ucred
	if raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }) != nil || err != nil {
		return Who{}
	}
	return who(cred.Uid, cred.Pid)
}

func who(uid uint32, pid int32) Who {
	w := Who{UID: &uid, PID: pid}
	if u, err := user.LookupId(strconv.FormatUint(uint64(uid), 10)); err == nil {
		w.User = u.Username
	}
	return w
}

// Text is for logs. It isn't String, which an Entry would take for its own.
func (w Who) Text() string {
	if w.UID == nil {
		return "unknown"
	}
	return fmt.Sprintf("user %d, process %d", *w.UID, w.PID)
}
