package metrics

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/traffik-io/traffik/node"
)

// Source is what is read at a scrape. A *node.Node is one.
type Source interface{ Stats() node.Stats }

// Metrics are those of one node.
type Metrics struct {
	registry                           *prometheus.Registry
	allowed, refused, degraded, failed prometheus.Counter
	local, forwarded                   prometheus.Observer
}

// New returns the metrics of a node of that version, with those of the process.
func New(version string) *Metrics {
	hits := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "traffik_hits_total", Help: "Hits by what became of them; degraded ones were decided without their owner.",
	}, []string{"decision"})
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "traffik_hit_duration_seconds", Help: "Time of a hit in this node, by whether it decided or another node.",
		Buckets: prometheus.ExponentialBuckets(1e-6, 4, 12), // 1 µs to 4 s
	}, []string{"path"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "traffik_build_info", Help: "Always 1; the version is in the label.",
	}, []string{"version"})
	build.WithLabelValues(version).Set(1)
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		allowed:  hits.WithLabelValues("allowed"), refused: hits.WithLabelValues("refused"),
		degraded: hits.WithLabelValues("degraded"), failed: hits.WithLabelValues("error"),
		local: took.WithLabelValues("local"), forwarded: took.WithLabelValues("forwarded"),
	}
	m.registry.MustRegister(hits, took, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Decided counts a hit. It is for node.Hooks.
func (m *Metrics) Decided(o node.Outcome) {
	switch {
	case o.Err != nil:
		m.failed.Inc()
	case o.Decision.Degraded:
		m.degraded.Inc()
	case o.Decision.Allowed:
		m.allowed.Inc()
	default:
		m.refused.Inc()
	}
	if o.Forwarded {
		m.forwarded.Observe(o.Took.Seconds())
	} else {
		m.local.Observe(o.Took.Seconds())
	}
}

// Read makes every scrape read s. Call it once.
func (m *Metrics) Read(s Source) { m.registry.MustRegister(newCollector(s)) }

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// collector reads a node once for each scrape, so that its numbers belong together.
type collector struct {
	source                                       Source
	keys, members, partitions, inflight          *prometheus.Desc
	overloaded, unreachable, redirected, retried *prometheus.Desc
	handed, claimed, lost, behind, repeated      *prometheus.Desc
}

func newCollector(s Source) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		source:      s,
		keys:        desc("traffik_keys", "Keys that this node holds."),
		members:     desc("traffik_members", "Members of the cluster as this node sees it, itself included.", "state"),
		partitions:  desc("traffik_partitions", "Partitions of this node.", "state"),
		inflight:    desc("traffik_link_inflight", "Hits that a peer has not answered yet.", "peer"),
		overloaded:  desc("traffik_overloaded_total", "Hits refused because a bound was reached: keys, or hits waiting or in flight."),
		unreachable: desc("traffik_unreachable_total", "Hits that no owner answered in time."),
		redirected:  desc("traffik_redirected_total", "Answers of nodes that did not own the key."),
		handed:      desc("traffik_handoff_partitions_total", "Partitions handed over to this node (in) and by it (out).", "direction"),
		claimed:     desc("traffik_claimed_partitions_total", "Partitions that this node took over because nobody served them."),
		lost:        desc("traffik_lost_partitions_total", "Partitions of this node that others took over."),
		behind:      desc("traffik_under_replicated_partitions", "Partitions of this node of which some copy lacks charges."),
		repeated:    desc("traffik_repeated_refusals_total", "Hits and checks refused here, because their owner had just refused the like."),
		retried:     desc("traffik_retried_total", "Attempts to forward a hit that brought no answer."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.keys, c.members, c.partitions, c.inflight, c.overloaded, c.unreachable, c.redirected, c.retried,
		c.handed, c.claimed, c.lost, c.behind, c.repeated,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.source.Stats()
	send := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	send(c.keys, prometheus.GaugeValue, float64(s.Keys))
	send(c.partitions, prometheus.GaugeValue, float64(s.Serving), "owned")
	send(c.partitions, prometheus.GaugeValue, float64(s.Parked), "parked")
	send(c.handed, prometheus.CounterValue, float64(s.In), "in")
	send(c.handed, prometheus.CounterValue, float64(s.Out), "out")
	send(c.claimed, prometheus.CounterValue, float64(s.Claimed))
	send(c.lost, prometheus.CounterValue, float64(s.Lost))
	send(c.behind, prometheus.GaugeValue, float64(s.Behind))
	for _, state := range []node.State{node.Joining, node.Active, node.Leaving, node.Dead} {
		send(c.members, prometheus.GaugeValue, float64(s.Members[state]), string(state))
	}
	inflight := map[string]int{}
	for peer, n := range s.InFlight {
		inflight[strings.ToValidUTF8(peer, "?")] += n
	}
	for peer, n := range inflight {
		send(c.inflight, prometheus.GaugeValue, float64(n), peer)
	}
	send(c.overloaded, prometheus.CounterValue, float64(s.Overloaded))
	send(c.unreachable, prometheus.CounterValue, float64(s.Unreachable))
	send(c.redirected, prometheus.CounterValue, float64(s.Redirected))
	send(c.repeated, prometheus.CounterValue, float64(s.Repeated))
	send(c.retried, prometheus.CounterValue, float64(s.Retried))
}
