package rig

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"exeunt/internal/testkit"
)

// cluster is a PostgreSQL of the run's own, and the proxy through which servers reach it: they know one address, wherever
// the database is.
type cluster struct {
	dir    string
	dsn    string
	inside []string // a command that runs others where the cluster is, if that is not here
	proxy  *testkit.Proxy
}

// script runs scripts/postgres.
func script(ctx context.Context, inside []string, args ...string) (string, error) {
	root, err := projectRoot()
	if err != nil {
		return "", err
	}
	all := append(append(inside[:len(inside):len(inside)], filepath.Join(root, "scripts", "postgres")), args...)
	cmd := exec.CommandContext(ctx, all[0], all[1:]...)
	var said, failed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &failed
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("scripts/postgres %s: %w\n%s", strings.Join(args, " "), err, failed.Bytes())
	}
	return strings.TrimSpace(said.String()), nil
}

// projectRoot is where the project's scripts are.
func projectRoot() (string, error) {
	dir, err := os.Getwd()
	for ; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "scripts", "postgres")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("scripts/postgres is not to be found: run this inside the project")
		}
	}
	return "", err
}

// database makes a cluster with settings of its own, and the address for servers.
func (r *Rig) database(ctx context.Context, settings ...string) (dsn string, err error) {
	return r.databaseIn(ctx, filepath.Join(r.Dir, "cluster"), nil, settings...)
}

// databaseIn does it in another place, where the commands inside lead.
func (r *Rig) databaseIn(ctx context.Context, dir string, inside []string, settings ...string) (dsn string, err error) {
	c := &cluster{dir: dir, inside: inside}
	if c.dsn, err = script(ctx, inside, "start", c.dir); err != nil {
		return "", err
	}
	r.pg = c
	r.atEnd(func() error { return r.pg.end() })
	settings = append(settings, "max_connections = 24", "max_wal_size = '64MB'", "min_wal_size = '32MB'", "checkpoint_timeout = '30s'")
	for _, s := range settings {
		if err := c.exec(ctx, "ALTER SYSTEM SET "+s); err != nil {
			return "", err
		}
	}
	if err := c.ctl(ctx, "restart", "-m", "fast"); err != nil {
		return "", err
	}
	if c.proxy, err = testkit.OpenProxy(host(c.dsn)); err != nil {
		return "", err
	}
	r.atEnd(func() error { c.proxy.Close(); return nil })
	r.places = append(r.places, c.dir)
	u, err := url.Parse(c.dsn)
	if err != nil {
		return "", err
	}
	u.Host = c.proxy.Addr()
	return u.String(), nil
}

func host(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return ""
	}
	return u.Host
}

func (c *cluster) ctl(ctx context.Context, args ...string) error {
	_, err := script(ctx, c.inside, append([]string{"ctl", c.dir}, args...)...)
	return err
}

// end stops the cluster and removes it, also when it is paused.
func (c *cluster) end() error {
	_, err := script(context.Background(), c.inside, "stop", c.dir)
	return err
}

// exec runs statements, each by itself, on a connection of its own and not through the proxy.
func (c *cluster) exec(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// until waits for a query to answer true.
func (c *cluster) until(ctx context.Context, query string) error {
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		var is bool
		if err := conn.QueryRow(ctx, query).Scan(&is); err != nil || is {
			return err
		}
		if err := wait(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("waiting for %s: %w", query, err)
		}
	}
}

// processes are those of the cluster: the first one, and its children, which are no group.
func (c *cluster) processes() (all []int, err error) {
	b, err := os.ReadFile(filepath.Join(c.dir, "data", "postmaster.pid"))
	if err != nil {
		return nil, err
	}
	first, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(b), "\n", 2)[0]))
	if err != nil {
		return nil, err
	}
	kids, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", first, first))
	all = []int{first}
	for kid := range strings.FieldsSeq(string(kids)) {
		n, err := strconv.Atoi(kid)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, err
}
