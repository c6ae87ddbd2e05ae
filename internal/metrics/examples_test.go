package metrics

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// TestDashboard: the dashboard draws what there is.
func TestDashboard(t *testing.T) {
	text, err := os.ReadFile("../../examples/grafana-dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		SchemaVersion int
		Panels        []panel
		Templating    struct {
			List []struct{ Name, Type, Definition string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	used := expressions{t: t, families: families(t), metrics: make(map[string]bool)}
	ids := make(map[int]bool)
	for _, p := range dashboard.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		p.check(t, used)
	}
	if v := dashboard.Templating.List[0]; v.Type != "datasource" || v.Name != "datasource" {
		t.Errorf("the data source is no variable: %+v", v)
	}
	for _, v := range dashboard.Templating.List[1:] {
		used.check(v.Definition)
	}
	used.noteUnused()
}

type panel struct {
	ID         int
	Type       string
	Title      string
	Datasource struct{ Type, UID string }
	GridPos    struct{ H, W, X, Y int }
	Targets    []struct{ Expr, RefID string }
}

func (p panel) check(t *testing.T, used expressions) {
	if p.GridPos.X+p.GridPos.W > 24 || p.GridPos.H < 1 {
		t.Errorf("%s lies beside the grid: %+v", p.Title, p.GridPos)
	}
	if p.Type == "row" {
		return
	}
	if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
		t.Errorf("%s has no targets or a data source of its own", p.Title)
	}
	for _, target := range p.Targets {
		if !strings.Contains(target.Expr, `{job=~"$job",instance=~"$instance"`) {
			t.Errorf("%s takes no notice of job and instance: %s", p.Title, target.Expr)
		}
		used.check(target.Expr)
	}
}

// TestAlerts: the alerts watch what there is.
func TestAlerts(t *testing.T) {
	text, err := os.ReadFile("../../examples/prometheus-alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	used := expressions{t: t, families: families(t), metrics: make(map[string]bool)}
	all := regexp.MustCompile(`(?m)^ +expr: (.*)$`).FindAllStringSubmatch(string(text), -1)
	if alerts := strings.Count(string(text), "- alert: "); len(all) != alerts {
		t.Errorf("%d expressions for %d alerts", len(all), alerts)
	}
	for _, expr := range all {
		used.check(expr[1])
	}
}

// expressions looks the names in PromQL up among the metrics.
type expressions struct {
	t        *testing.T
	families map[string]*dto.MetricFamily
	metrics  map[string]bool // those that were used
}

var (
	metricNames = regexp.MustCompile(`\b(acmezone|go|process|promhttp)_[a-z0-9_]+`)
	// labelNames are those before a comparison, and those of "by (…)".
	labelNames = regexp.MustCompile(`([a-z_]+) ?(?:=~|!=|!~|=)"`)
	grouping   = regexp.MustCompile(`\bby \(([^)]*)\)`)
	// ofPrometheus are the labels that it adds itself.
	ofPrometheus = []string{"job", "instance", "le"}
)

func (e expressions) check(expr string) {
	found := metricNames.FindAllString(expr, -1)
	if len(found) == 0 {
		e.t.Errorf("no metric in %s", expr)
	}
	var has []string
	for _, name := range found {
		family := e.family(name)
		if family == nil {
			e.t.Errorf("there is no metric %s: %s", name, expr)
			continue
		}
		e.metrics[family.GetName()] = true
		for _, label := range family.Metric[0].Label {
			has = append(has, label.GetName())
		}
	}
	for _, label := range usedLabels(expr) {
		if !slices.Contains(has, label) && !slices.Contains(ofPrometheus, label) {
			e.t.Errorf("there is no label %s: %s", label, expr)
		}
	}
}

// family finds a metric by the names that Prometheus stores it under.
func (e expressions) family(name string) *dto.MetricFamily {
	if f := e.families[name]; f != nil && f.GetType() != dto.MetricType_HISTOGRAM {
		return f
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base, ok := strings.CutSuffix(name, suffix); ok && e.families[base].GetType() == dto.MetricType_HISTOGRAM {
			return e.families[base]
		}
	}
	return nil
}

func usedLabels(expr string) []string {
	var all []string
	for _, m := range labelNames.FindAllStringSubmatch(expr, -1) {
		all = append(all, m[1])
	}
	for _, m := range grouping.FindAllStringSubmatch(expr, -1) {
		all = append(all, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
	}
	return all
}

// noteUnused says what nothing is drawn of, which is no fault.
func (e expressions) noteUnused() {
	for _, name := range slices.Sorted(maps.Keys(e.families)) {
		if strings.HasPrefix(name, namespace) && !e.metrics[name] {
			e.t.Logf("not on the dashboard: %s", name)
		}
	}
}
