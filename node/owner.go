package node

import (
	"bytes"
	"context"
	"errors"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/traffik-io/traffik/node/internal/driver"
	"github.com/traffik-io/traffik/node/ownership"
	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// Owner tells who decides for a key, as this node sees it. An empty scope is the default one.
func (n *Node) Owner(uid, key, scope string) Ownership {
	hi, _ := n.hasher.Key(uid, key, or(scope, strategy.DefaultScope))
	v := n.view.Load()
	o := Ownership{Partition: v.ring.Partition(hi)}
	// What this node has heard of others' terms may be old: a handoff between two others is no news here.
	owner := v.owner(o.Partition)
	if n.driver.Mode(o.Partition) == driver.Serve {
		owner = v.self
	}
	if owner != nil {
		o.Owner = owner.meta.name
	}
	for _, name := range v.ring.Ranked(o.Partition) {
		if name != o.Owner && len(o.Backups) < n.cfg.Replicas-1 {
			o.Backups = append(o.Backups, name)
		}
	}
	_, term := n.driver.Owner(o.Partition)
	o.Term = term.N
	return o
}

// FindOwner is Owner for those who want to be sure: it asks who decides, so that owner and term are those of now, and the
// backups those who hold a copy. Where nobody tells within half a second, or within ctx, it is what Owner says.
func (n *Node) FindOwner(ctx context.Context, uid, key, scope string) Ownership {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	o := n.Owner(uid, key, scope)
	v := n.view.Load()
	target := n.route(v, o.Partition)
	for range maxHops {
		var told holding
		switch target {
		case nil:
			return o
		case v.self:
			told = n.holding(ctx, o.Partition)
		default:
			told = askHolding(ctx, target, o.Partition)
		}
		if len(told.holders) > 0 {
			return told.of(v, o, target)
		}
		next := v.find(told.owner)
		if next == target {
			return o
		}
		target = next
	}
	return o
}

// holding is what a node tells of a partition: who holds it, itself first, if it owns it; else who does, as far as it
// knows.
type holding struct {
	owner   transport.UID
	term    uint64
	holders []transport.UID
}

// of is o as the owner tells.
func (h holding) of(v *view, o Ownership, owner *peer) Ownership {
	o.Owner, o.Term, o.Backups = owner.meta.name, h.term, nil
	for _, uid := range h.holders[1:] {
		if p := v.find(uid); p != nil {
			o.Backups = append(o.Backups, p.meta.name)
		}
	}
	return o
}

// holding is that of this node.
func (n *Node) holding(ctx context.Context, p int) holding {
	told := make(chan holding, 1)
	n.hold(p, func(h holding) { told <- h })
	select {
	case h := <-told:
		return h
	case <-ctx.Done():
		return holding{}
	}
}

// hold has then called with what this node tells of partition p.
func (n *Node) hold(p int, then func(holding)) {
	n.driver.Holders(p, func(term ownership.Term, holders []ownership.UID) {
		h := holding{term: term.N}
		for _, u := range holders {
			h.holders = append(h.holders, transport.UID(u))
		}
		if owner := n.route(n.view.Load(), p); owner != nil {
			h.owner = owner.meta.uid
		}
		then(h)
	})
}

// askHolding asks another node; the answer is zero if it does not tell.
func askHolding(ctx context.Context, to *peer, p int) (h holding) {
	var body bytes.Buffer
	if err := msgpack.NewEncoder(&body).EncodeInt(int64(p)); err != nil {
		return h
	}
	b, err := to.link.Call(ctx, kindOwner, body.Bytes())
	if err != nil {
		return h
	}
	d := msgpack.NewDecoder(bytes.NewReader(b))
	fields, err := d.DecodeArrayLen()
	if err != nil || fields < 3 {
		return h
	}
	owner, errOwner := decodeUID(d)
	term, errTerm := d.DecodeUint64()
	count, errCount := d.DecodeArrayLen()
	if errors.Join(errOwner, errTerm, errCount) != nil || count > maxHolders {
		return h
	}
	h = holding{owner: owner, term: term}
	for range count {
		u, err := decodeUID(d)
		if err != nil {
			return holding{}
		}
		h.holders = append(h.holders, u)
	}
	return h
}

// maxHolders bounds the holders that a node may tell of: copies that are wanted, and those that are not yet dropped.
const maxHolders = 64

// tellOwner answers askHolding.
func (n *Node) tellOwner(body []byte, reply transport.CallResponder) {
	p, err := msgpack.NewDecoder(bytes.NewReader(body)).DecodeInt()
	if err != nil || p < 0 || p >= n.cfg.partitions {
		reply.Fail("it is no partition")
		return
	}
	n.hold(p, func(h holding) {
		var b bytes.Buffer
		e := msgpack.NewEncoder(&b)
		err := errors.Join(e.EncodeArrayLen(3), e.EncodeBytes(h.owner[:]), e.EncodeUint(h.term), e.EncodeArrayLen(len(h.holders)))
		for _, u := range h.holders {
			err = errors.Join(err, e.EncodeBytes(u[:]))
		}
		if err != nil {
			reply.Fail(err.Error())
			return
		}
		reply.Result(b.Bytes())
	})
}

func decodeUID(d *msgpack.Decoder) (u transport.UID, err error) {
	b, err := d.DecodeBytes()
	if err == nil && len(b) != len(u) {
		err = errors.New("it is no UID")
	}
	copy(u[:], b)
	return u, err
}
