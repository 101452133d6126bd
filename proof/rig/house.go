package rig

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"exeunt/proof/drive"
)

const nginxConf = `
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  proxy_http_version 1.1;
  proxy_connect_timeout 2s;
  proxy_set_header Host $http_host;
  proxy_set_header Connection "";
  proxy_set_header X-Forwarded-For $remote_addr;
  upstream public { %[4]s keepalive 16; }
  upstream admin { %[5]s keepalive 16; }
  server { listen 127.0.0.1:%[2]d; location / { proxy_pass http://public; } }
  server { listen 127.0.0.1:%[3]d; location / { proxy_pass http://admin; } }
}
`

// behindNginx runs servers behind nginx, which is one more to ask.
func behindNginx(nodes int, extra string) func(context.Context, *Rig) error {
	return func(ctx context.Context, r *Rig) error {
		dsn, err := r.database(ctx)
		if err != nil {
			return err
		}
		ports, err := freePorts(2)
		if err != nil {
			return err
		}
		r.front = &drive.Node{Public: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), Admin: fmt.Sprintf("http://127.0.0.1:%d", ports[1])}
		r.base = r.front.Public
		for range nodes {
			if _, err := r.add(dsn, r.base, extra); err != nil {
				return err
			}
		}
		return r.nginx(ctx, ports)
	}
}

const nginxProgram = "/usr/sbin/nginx" // not everybody's PATH leads there

func needsNginx() error {
	if _, err := exec.LookPath(nginxProgram); err != nil {
		return fmt.Errorf("%w; scripts/install nginx nginx-light brings it", err)
	}
	return nil
}

func (r *Rig) nginx(ctx context.Context, ports []int) error {
	dir := filepath.Join(r.Dir, "nginx")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	var public, admin strings.Builder
	for _, n := range r.nodes {
		fmt.Fprintf(&public, "server %s max_fails=0; ", strings.TrimPrefix(n.Public, "http://"))
		fmt.Fprintf(&admin, "server %s max_fails=0; ", strings.TrimPrefix(n.Admin, "http://"))
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, nginxConf, dir, ports[0], ports[1], public.String(), admin.String()), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(nginxProgram, "-p", dir, "-c", conf, "-e", filepath.Join(dir, "error.log"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.atEnd(func() error {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil
	})
	return r.listens(ctx, ports[1], dir)
}

// listens waits until nginx accepts connections.
func (r *Rig) listens(ctx context.Context, port int, dir string) error {
	for begun := time.Now(); time.Since(begun) < overdue; {
		if conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			conn.Close()
			r.front.Up()
			return nil
		}
		if err := wait(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
	return fmt.Errorf("nginx does not listen: %s", log)
}
