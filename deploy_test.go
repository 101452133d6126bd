package exeunt

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"exeunt/internal/testkit"
)

// manifest is what matters here of a Kubernetes object.
type manifest struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct {
		Selector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
			App         string
		}
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     struct{ Containers []container }
		}
	}
}

type container struct{ Startup, Liveness, Readiness probe }

type probe struct {
	HTTPGet struct{ Path string } `yaml:"httpGet"`
}

// UnmarshalYAML reads a container by Kubernetes' spelling.
func (c *container) UnmarshalYAML(n *yaml.Node) error {
	var raw struct {
		Startup   probe `yaml:"startupProbe"`
		Liveness  probe `yaml:"livenessProbe"`
		Readiness probe `yaml:"readinessProbe"`
	}
	if err := n.Decode(&raw); err != nil {
		return err
	}
	*c = container{raw.Startup, raw.Liveness, raw.Readiness}
	return nil
}

func manifests(t *testing.T) map[string]manifest {
	t.Helper()
	b, err := os.ReadFile("deploy/kubernetes/exeunt.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]manifest{}
	for d := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var m manifest
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all[m.Kind+" "+m.Metadata.Name] = m
	}
}

func TestTheManifestsFitTogetherAndTheServer(t *testing.T) {
	all := manifests(t)
	file := filepath.Join(t.TempDir(), "exeunt.yml")
	if err := os.WriteFile(file, []byte(all["ConfigMap exeunt"].Data["exeunt.yml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	check := exec.Command(testkit.Binary(t), "config", "check", "-c", file)
	check.Env = append(os.Environ(), "DSN=postgres://exeunt@db/exeunt?sslmode=verify-full", "SECRETS_COOKIE="+strings.Repeat("c", 64), "SECRETS_CIPHER="+strings.Repeat("d", 32))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("the configuration is refused: %v\n%s", err, out)
	}
	pods := all["Deployment exeunt"].Spec.Template
	for name, m := range all {
		if m.Metadata.Namespace != "exeunt" {
			t.Errorf("%s is in namespace %q", name, m.Metadata.Namespace)
		}
		label := m.Spec.Selector.App
		if m.Kind != "Service" {
			label = m.Spec.Selector.MatchLabels["app"]
		}
		if m.Kind != "ConfigMap" && label != pods.Metadata.Labels["app"] {
			t.Errorf("%s chooses %q, and pods are %q", name, label, pods.Metadata.Labels["app"])
		}
	}
	server := testkit.Start(t, t.TempDir(), testkit.Quick)
	c := pods.Spec.Containers[0]
	for _, path := range []string{c.Startup.HTTPGet.Path, c.Liveness.HTTPGet.Path, c.Readiness.HTTPGet.Path} {
		if status, _ := fetched(t, server.Public+path); path == "" || status != http.StatusOK {
			t.Errorf("the probe of %q finds %d", path, status)
		}
	}
}

func fetched(t *testing.T, address string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

var (
	named     = regexp.MustCompile(`\b(?:exeunt|process)_[a-z_]+`)
	labelled  = regexp.MustCompile(`(reason|flow|route|result|outcome|operation)=~?\\?"([^"$\\]+)\\?"`)
	derived   = regexp.MustCompile(`_(?:bucket|count|sum)$`)
	announced = regexp.MustCompile(`(?m)^# TYPE (\S+)`)
)

func TestAlertsAndDashboardAskForWhatIsCounted(t *testing.T) {
	server := testkit.Start(t, t.TempDir(), testkit.Quick)
	if status, _ := fetched(t, server.Public+"/sessions/whoami"); status != http.StatusUnauthorized {
		t.Fatalf("whoami answers %d", status)
	}
	_, figures := fetched(t, server.Admin+"/admin/metrics/prometheus")
	known := map[string]bool{}
	for _, m := range announced.FindAllStringSubmatch(figures, -1) {
		known[m[1]] = true
	}
	for _, file := range []string{"deploy/prometheus/alerts.yaml", "deploy/grafana/exeunt.json"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asked := named.FindAllString(string(b), -1)
		for _, name := range asked {
			if !known[name] && !known[derived.ReplaceAllString(name, "")] {
				t.Errorf("%s asks for %s, which nobody counts", file, name)
			}
		}
		if len(asked) < 10 {
			t.Errorf("%s asks for %d figures", file, len(asked))
		}
		for _, m := range labelled.FindAllStringSubmatch(string(b), -1) {
			if label := m[1] + `="` + m[2] + `"`; !strings.Contains(figures, label) {
				t.Errorf("%s asks for %s, which there is not", file, label)
			}
		}
	}
}

func TestTheDashboardAndTheAlertsCanBeRead(t *testing.T) {
	b, err := os.ReadFile("deploy/grafana/exeunt.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []struct{ ID int } }
	if err := json.Unmarshal(b, &dashboard); err != nil || len(dashboard.Panels) < 10 {
		t.Errorf("the dashboard has %d panels, %v", len(dashboard.Panels), err)
	}
	if b, err = os.ReadFile("deploy/prometheus/alerts.yaml"); err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations struct{ Summary, Do string }
			}
		}
	}
	if err := yaml.Unmarshal(b, &rules); err != nil {
		t.Fatal(err)
	}
	for _, r := range rules.Groups[0].Rules {
		if r.Alert == "" || r.Expr == "" || r.Annotations.Summary == "" || r.Annotations.Do == "" {
			t.Errorf("%+v does not say all", r)
		}
	}
}
