package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/traffik-io/traffik/node"
	"github.com/traffik-io/traffik/strategy"
)

// member is a node.Member as JSON.
type member struct {
	Name        string     `json:"name"`
	UID         string     `json:"uid"`
	State       node.State `json:"state"`
	Role        node.Role  `json:"role"`
	HTTPAddr    string     `json:"http_addr"`
	GossipAddr  string     `json:"gossip_addr"`
	ClusterAddr string     `json:"cluster_addr"`
	Version     string     `json:"version"`
	Partitions  int        `json:"partitions"`
	Assigned    int        `json:"assigned"` // that it should own, as this node sees it
	Keys        *int64     `json:"keys"`     // null if it did not tell in time
	Self        bool       `json:"self"`
}

// members serves the members of the cluster.
func (h *Handler) members(w http.ResponseWriter, r *http.Request) error {
	found := h.cluster.Members(r.Context())
	out := make([]member, len(found))
	for i, m := range found {
		out[i] = member{
			Name: m.Name, UID: m.UID, State: m.State, Role: m.Role,
			HTTPAddr: m.HTTPAddr, GossipAddr: m.GossipAddr, ClusterAddr: m.ClusterAddr,
			Version: m.Version, Partitions: m.Partitions, Assigned: m.Assigned, Keys: &m.Keys, Self: m.Self,
		}
		if m.Keys < 0 {
			out[i].Keys = nil
		}
	}
	return writeJSON(w, map[string]any{"members": out})
}

// owner serves who decides for a key.
func (h *Handler) owner(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return badRequest(fmt.Errorf("query: %w", err))
	}
	for name, values := range query {
		switch {
		case !slices.Contains([]string{"key", "uid", "scope"}, name):
			return badRequest(fmt.Errorf("%.64s: unknown parameter; known are key, uid, scope", name))
		case len(values) > 1:
			return badRequest(fmt.Errorf("%s: appears %d times", name, len(values)))
		case len(values[0]) > strategy.MaxKeyLen:
			return badRequest(fmt.Errorf("%s: %d bytes, at most %d are allowed", name, len(values[0]), strategy.MaxKeyLen))
		}
	}
	key := query.Get("key")
	if key == "" {
		return badRequest(fmt.Errorf("key: missing"))
	}
	scope := query.Get("scope")
	if scope == "" {
		scope = strategy.DefaultScope
	}
	o := h.cluster.FindOwner(r.Context(), query.Get("uid"), key, scope)
	return writeJSON(w, struct {
		Key       string   `json:"key"`
		Partition int      `json:"partition"`
		Owner     string   `json:"owner"`
		Backups   []string `json:"backups"`
		Term      uint64   `json:"term"`
	}{key, o.Partition, o.Owner, append([]string{}, o.Backups...), o.Term})
}

// alive serves that the process runs.
func alive(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, map[string]any{"status": "alive"})
}

// ready serves whether the node should be sent hits.
func (h *Handler) ready(w http.ResponseWriter, _ *http.Request) error {
	switch {
	case h.leaving.Load():
		return &problem{http.StatusServiceUnavailable, "the node is leaving"}
	case !h.cluster.Ready():
		return &problem{http.StatusServiceUnavailable, "the node is not ready yet"}
	}
	return writeJSON(w, map[string]any{"status": "ready"})
}

func writeJSON(w http.ResponseWriter, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client is gone if this fails
	return nil
}
