package autobahn

import (
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

const (
	tableBegin = "<!-- begin of the table: written by go test ./autobahn -update -->"
	tableEnd   = "<!-- end of the table -->"
)

// tally counts the results of one leg in one section.
type tally struct{ asked, ok, informational, other int }

func (r *run) tally(number string, exp expectations) (t tally) {
	for _, id := range r.cases {
		if section(id) != number {
			continue
		}
		t.asked++
		res := r.results[id]
		switch {
		case res.Behavior == resultOK && res.BehaviorClose == resultOK:
			t.ok++
		case res.Behavior == resultInformational && res.BehaviorClose == resultInformational && exp.want(r.dir, id) == resultInformational:
			t.informational++
		default:
			t.other++
		}
	}
	return t
}

func (t tally) String() string {
	if t.asked == 0 {
		return "not run"
	}
	s := fmt.Sprintf("%d OK", t.ok)
	if t.informational > 0 {
		s += fmt.Sprintf(", %d INF", t.informational)
	}
	if t.other > 0 {
		s += fmt.Sprintf(", **%d failed**", t.other)
	}
	return s
}

// table is README.md's: a row a section, a column a leg.
func table(runs []*run, exp expectations) string {
	var b strings.Builder
	b.WriteString("| section | cases |")
	for _, r := range runs {
		fmt.Fprintf(&b, " %s |", r.title)
	}
	b.WriteString("\n| --- | ---: |" + strings.Repeat(" --- |", len(runs)) + "\n")
	sums := make([]tally, len(runs))
	cases := 0
	for _, s := range sections {
		fmt.Fprintf(&b, "| %s %s | %d |", s.number, s.subject, s.cases)
		cases += s.cases
		for i, r := range runs {
			t := r.tally(s.number, exp)
			fmt.Fprintf(&b, " %s |", t)
			sums[i].asked += t.asked
			sums[i].ok += t.ok
			sums[i].informational += t.informational
			sums[i].other += t.other
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "| all | %d |", cases)
	for _, t := range sums {
		fmt.Fprintf(&b, " %s |", t)
	}
	b.WriteString("\n\nNot OK, or not run, by permission of `expectations.tsv`:\n\n")
	for _, e := range exp {
		kind := "case"
		if e.want == waiting {
			kind = "section"
		}
		fmt.Fprintf(&b, "- %s %s, %s, %s: %s\n", kind, e.cases, e.dir, e.want, e.why)
	}
	return b.String()
}

// writeIndexPage writes index.html, from which a person finds the suite's page of every case.
func writeIndexPage(reports string, runs []*run, exp expectations, took time.Duration) error {
	type cell struct {
		Text, Link string
		Good, None bool
	}
	type row struct {
		ID    string
		Cells []cell
	}
	var page struct {
		Took     string
		Legs     []string
		Rows     []row
		Problems []string
	}
	page.Took = took.Round(time.Second).String()
	asked := make([]map[string]bool, len(runs))
	for i, r := range runs {
		page.Legs = append(page.Legs, r.name)
		for _, p := range r.problems {
			page.Problems = append(page.Problems, r.name+" "+p)
		}
		asked[i] = map[string]bool{}
		for _, id := range r.cases {
			asked[i][id] = true
		}
	}
	for _, id := range allCases() {
		rw := row{ID: id}
		for i, r := range runs {
			res, ok := r.results[id]
			c := cell{Text: "no result"}
			switch want := exp.want(r.dir, id); {
			case ok:
				c.Text = name(res.Behavior)
				if res.BehaviorClose != res.Behavior {
					c.Text += " / " + name(res.BehaviorClose)
				}
				c.Good = res.Behavior == want && res.BehaviorClose == want
				c.Link = path.Join(r.name, res.shard, strings.TrimSuffix(res.ReportFile, ".json")+".html")
			case !asked[i][id] && want == waiting:
				c.Text, c.None = waiting, true
			case !asked[i][id]:
				c.Text, c.None = "-", true
			}
			rw.Cells = append(rw.Cells, c)
		}
		page.Rows = append(page.Rows, rw)
	}
	f, err := os.Create(filepath.Join(reports, "index.html"))
	if err != nil {
		return err
	}
	if err := indexPage.Execute(f, page); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

var indexPage = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>pushwire: Autobahn|Testsuite</title>
<style>
  body { font: 14px/1.4 sans-serif; margin: 2em }
  td, th { padding: 1px 10px; text-align: left }
  th { position: sticky; top: 0; background: white }
  .good { background: #d9f2d9 } .bad { background: #f7c6c5 } .none { color: #888 }
</style>
<h1>Autobahn|Testsuite against pushwire</h1>
<p>{{.Took}} in all. Each result links to the suite's own page of the case, with the wire log; its JSON is beside it, and
spec.json and wstest.log are in the same folder.</p>
{{with .Problems}}<h2>Failures</h2><ul>{{range .}}<li><pre>{{.}}</pre></li>{{end}}</ul>{{end}}
<table>
<tr><th>case</th>{{range .Legs}}<th>{{.}}</th>{{end}}</tr>
{{range .Rows}}<tr><td>{{.ID}}</td>{{range .Cells -}}
<td class="{{if .None}}none{{else if .Good}}good{{else}}bad{{end}}">{{if .Link}}<a href="{{.Link}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}</td>
{{- end}}</tr>
{{end}}</table>
</html>
`))
