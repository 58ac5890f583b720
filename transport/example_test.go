package transport_test

import (
	"context"
	"fmt"
	"net"

	"github.com/traffik-io/traffik/strategy"
	"github.com/traffik-io/traffik/transport"
)

// owner answers every hit with the same decision. A node would run the turn of an actor.
type owner struct{}

func (owner) ServeHit(r *transport.HitRequest, reply transport.Responder) {
	var records strategy.Records // of a key never seen
	decision, err := records.Decide(0, r.Hit, true)
	if err != nil {
		reply.Answer(&transport.HitResponse{Status: transport.Failed, Text: err.Error()})
		return
	}
	reply.Answer(&transport.HitResponse{Status: transport.Decided, Decision: decision})
}

func (owner) ServeCall(_ uint8, _ []byte, reply transport.CallResponder) { reply.Unsupported() }

func Example() {
	registry, _ := strategy.NewRegistry()
	server, _ := transport.NewServer(transport.Config{
		Self: transport.Identity{UID: transport.UID{1}, Name: "a"}, Registry: registry, Secret: []byte("of the cluster"),
	})
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	go func() { _ = server.Serve(listener, owner{}) }() // until Shutdown

	link, _ := transport.NewLink(transport.Config{
		Self: transport.Identity{UID: transport.UID{2}, Name: "b"}, Registry: registry, Secret: []byte("of the cluster"),
	}, listener.Addr().String(), transport.Identity{UID: transport.UID{1}, Name: "a"})
	policy := strategy.MustPolicy(strategy.Limit{Rate: strategy.MustRate("10/min"), Strategy: strategy.TokenBucket{}})
	answer, err := link.Do(context.Background(), &transport.HitRequest{
		Op: transport.Hit, ID: 1, Hit: strategy.NewHit("user:42", policy),
	})
	fmt.Println(answer.Decision.Allowed, answer.Decision.Remaining, err)

	_ = link.Close(context.Background())
	_ = server.Shutdown(context.Background())
	// Output: true 9 <nil>
}
