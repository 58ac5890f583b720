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
	handed, claimed, taken, lost, repeated       *prometheus.Desc
	short, behind, lag, handoffs                 *prometheus.Desc
	degraded, health                             *prometheus.Desc
}

func newCollector(s Source) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &collector{
		source:      s,
		keys:        desc("traffik_keys", "Keys that this node holds."),
		members:     desc("traffik_members", "Members of the cluster as this node sees it, itself included.", "state"),
		partitions:  desc("traffik_partitions", "Partitions of this node: owned and serving, parked while they are claimed or handed over, or kept as a backup.", "state"),
		inflight:    desc("traffik_link_inflight", "Hits that a peer has not answered yet.", "peer"),
		overloaded:  desc("traffik_overloaded_total", "Hits refused because a bound was reached: keys, or hits waiting or in flight."),
		unreachable: desc("traffik_unreachable_total", "Hits that no owner answered in time."),
		redirected:  desc("traffik_redirected_total", "Answers of nodes that did not own the key."),
		handed:      desc("traffik_handoff_partitions_total", "Partitions handed over to this node (in) and by it (out).", "direction"),
		claimed:     desc("traffik_claimed_partitions_total", "Partitions that this node took over because nobody served them."),
		taken:       desc("traffik_taken_partitions_total", "Partitions of this node that others took over."),
		lost:        desc("traffik_lost_partitions_total", "Partitions that this node took over without any copy, though another had owned them: their counters are lost, or behind a split."),
		short:       desc("traffik_under_replicated_partitions", "Partitions of this node with fewer complete copies than --replicas; all, of a node alone."),
		behind:      desc("traffik_behind_partitions", "Partitions of this node of which some copy lacks charges at the moment."),
		lag:         desc("traffik_replication_lag_seconds", "Age of the oldest charge of this node that not all copies hold; 0 if there is none."),
		handoffs:    desc("traffik_handoff_seconds", "Time that a partition took to be handed over by this node, from the offer that was taken."),
		degraded:    desc("traffik_degraded_total", "Answers without an owner, by the policy that gave them; local is this node's share.", "policy"),
		health:      desc("traffik_gossip_health_score", "Health of the membership protocol here: 0 is fine; above, this process is too slow to be sure who is alive."),
		repeated:    desc("traffik_repeated_refusals_total", "Hits and checks refused here, because their owner had just refused the like."),
		retried:     desc("traffik_retried_total", "Attempts to forward a hit that brought no answer."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.keys, c.members, c.partitions, c.inflight, c.overloaded, c.unreachable, c.redirected, c.retried,
		c.handed, c.claimed, c.taken, c.lost, c.short, c.behind, c.lag, c.handoffs, c.degraded, c.health, c.repeated,
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
	send(c.partitions, prometheus.GaugeValue, float64(s.Backups), "backup")
	send(c.handed, prometheus.CounterValue, float64(s.In), "in")
	send(c.handed, prometheus.CounterValue, float64(s.Out), "out")
	send(c.claimed, prometheus.CounterValue, float64(s.Claimed))
	send(c.lost, prometheus.CounterValue, float64(s.Lost))
	send(c.taken, prometheus.CounterValue, float64(s.Taken))
	send(c.short, prometheus.GaugeValue, float64(s.UnderReplicated))
	send(c.behind, prometheus.GaugeValue, float64(s.Behind))
	send(c.lag, prometheus.GaugeValue, s.ReplicationLag.Seconds())
	send(c.health, prometheus.GaugeValue, float64(s.HealthScore))
	buckets := make(map[float64]uint64, len(s.Handoffs.Buckets))
	for _, b := range s.Handoffs.Buckets {
		buckets[b.AtMost.Seconds()] = b.Count
	}
	out <- prometheus.MustNewConstHistogram(c.handoffs, s.Handoffs.Count, s.Handoffs.Sum.Seconds(), buckets)
	for _, policy := range []node.Unreachable{node.LocalShare, node.AllowAll, node.DenyAll} {
		n := int64(0)
		if policy == s.OnUnreachable {
			n = s.Degraded
		}
		send(c.degraded, prometheus.CounterValue, float64(n), string(policy))
	}
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
