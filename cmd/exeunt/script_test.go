package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"exeunt": main, "awaitfile": awaitFile, "filemode": fileMode, "awaitlistener": awaitListener, "withkey": withKeyOf, "withid": withIDOf, "signin": signIn})
}

func TestCommands(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{Dir: "testdata"})
}

// awaitFile waits until a file exists that another process makes.
func awaitFile() {
	tick := time.NewTicker(5 * time.Millisecond)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if _, err := os.Stat(os.Args[1]); err == nil {
			return
		}
	}
	fmt.Fprintln(os.Stderr, os.Args[1], "did not appear")
	os.Exit(1)
}

// fileMode prints who may do what with files.
func fileMode() {
	for _, name := range os.Args[1:] {
		info, err := os.Stat(name)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(info.Mode(), name)
	}
}

// awaitListener waits until somebody listens at an address.
func awaitListener() {
	tick := time.NewTicker(5 * time.Millisecond)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); <-tick.C {
		if conn, err := net.Dial("tcp", os.Args[1]); err == nil {
			conn.Close()
			return
		}
	}
	fmt.Fprintln(os.Stderr, "nobody listens at", os.Args[1])
	os.Exit(1)
}

// withKeyOf runs a command with the key that a file holds.
func withKeyOf() {
	secret, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	instead(exec.Command(os.Args[2], os.Args[3:]...), keyVariable+"="+strings.TrimSpace(string(secret)))
}

// instead runs a command in the place of this one.
func instead(cmd *exec.Cmd, env ...string) {
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if cmd.Run() != nil {
		os.Exit(cmd.ProcessState.ExitCode())
	}
}

var firstID = regexp.MustCompile(`"id":"([^"]*)"`)

// withIDOf runs a command with the id of a JSON document as its last argument.
func withIDOf() {
	doc, err := os.ReadFile(os.Args[1])
	m := firstID.FindSubmatch(doc)
	if err != nil || m == nil {
		fmt.Fprintln(os.Stderr, "no id:", err)
		os.Exit(1)
	}
	instead(exec.Command(os.Args[2], append(os.Args[3:], string(m[1]))...))
}

// signIn signs somebody in at a server, and prints their session.
func signIn() {
	var flow struct{ UI struct{ Action string } }
	var done struct{ Session json.RawMessage }
	err := fetchJSON(os.Args[1]+"/self-service/login/api", "", &flow)
	if err == nil {
		body := fmt.Sprintf(`{"method":"password","identifier":%q,"password":"correct horse 7 staple"}`, os.Args[2])
		err = fetchJSON(flow.UI.Action, body, &done)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(done.Session))
}

// fetchJSON gets an address, or posts a body there, and reads the answer.
func fetchJSON(address, body string, into any) error {
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d", address, resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
