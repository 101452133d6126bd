// Package rig sets servers and databases up, lets the clients of the proof loose on them, and does to them what happens to
// servers and databases.
package rig

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"exeunt/internal/testkit"
	"exeunt/proof/drive"
)

// Node is one server: the real binary in a process of its own. It has the same ports whenever it is started again.
type Node struct {
	*drive.Node
	dir     string
	binary  string
	config  string
	process *testkit.Process
	before  map[string][]byte // traced: what the files of the database held when it was started
}

const common = `
hashers: {weak_for_tests: true, algorithm: argon2, argon2: {memory: 64KB, iterations: 1, parallelism: 1, dedicated_memory: 64MB}}
secrets: {default: [a-secret-for-the-proof-only]}
selfservice: {flows: {registration: {style: unified, after: {password: {hooks: [{hook: session}]}}}}}
`

// newNode prepares a server. base is where browsers find it, "" for itself; extra is more configuration.
func newNode(dir, binary, dsn, base, extra string) (*Node, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	public, admin := ports[0], ports[1]
	if base == "" {
		base = fmt.Sprintf("http://127.0.0.1:%d", public)
	}
	config := fmt.Sprintf("dsn: %q\nserve: {public: {port: %d, base_url: %q, failed_attempts_per_minute: 0}, admin: {port: %d}}\n%s%s",
		dsn, public, base+"/", admin, common, extra)
	return &Node{Node: &drive.Node{Public: fmt.Sprintf("http://127.0.0.1:%d", public), Admin: fmt.Sprintf("http://127.0.0.1:%d", admin)},
		dir: dir, binary: binary, config: config}, nil
}

// freePorts finds ports that nobody uses, below those that outgoing connections get: a server that is started again finds
// its own free.
func freePorts(n int) (ports []int, err error) {
	for tries := 0; len(ports) < n; tries++ {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			if tries > 100 {
				return nil, err
			}
			continue
		}
		l.Close()
		ports = append(ports, port)
	}
	return ports, nil
}

// start runs the server and lets clients come when it can serve them.
func (n *Node) start() (err error) {
	n.before = map[string][]byte{}
	for _, file := range n.files() {
		n.before[file], _ = os.ReadFile(file) // none is as good as an empty one
	}
	if n.process, err = testkit.Launch(n.binary, n.dir, n.config); err != nil {
		return err
	}
	return n.welcome()
}

func (n *Node) welcome() error {
	if err := n.healthy(); err != nil {
		return err
	}
	n.Up()
	return nil
}

const recovery = 2 * time.Minute // everything works again after this, or something is wrong

// healthy waits until the server and its database answer.
func (n *Node) healthy() error {
	client := http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	last := "no answer"
	for begun := time.Now(); time.Since(begun) < recovery; time.Sleep(10 * time.Millisecond) {
		resp, err := client.Get(n.Admin + "/admin/health/ready")
		if err != nil {
			last = err.Error()
			continue
		}
		resp.Body.Close()
		if last = resp.Status; resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	log, _ := os.ReadFile(filepath.Join(n.dir, "log"))
	return fmt.Errorf("the server in %s does not recover: %s\n%s", n.dir, last, log[max(len(log)-2000, 0):])
}

// kill ends the server as a crash would, while it is asked.
func (n *Node) kill() {
	n.process.Kill()
	n.Down()
}

func (n *Node) signal(s syscall.Signal) error { return syscall.Kill(n.process.PID(), s) }

// stop asks the server to finish.
func (n *Node) stop() error {
	if n.process == nil {
		return nil
	}
	n.Down()
	if err := n.process.Stop(); err != nil {
		return fmt.Errorf("the server in %s did not end well: %w", n.dir, err)
	}
	return nil
}
