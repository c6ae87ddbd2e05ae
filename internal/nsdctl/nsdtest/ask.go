package nsdtest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// SOA returns the SOA record of a zone as NSD answers it over TCP. It fails the
// test if there is none. A question that is cut off, as by an old process of NSD's
// that ends after a reload, is asked again.
func (s *Server) SOA(t testing.TB, zone string) *dns.SOA {
	t.Helper()
	var answer *dns.Msg
	err := poll(startTime, nil, func() (err error) {
		answer, err = s.ask(zone)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	soa, err := s.soaIn(answer, zone)
	if err != nil {
		t.Fatal(err)
	}
	return soa
}

// Serial returns the serial of SOA.
func (s *Server) Serial(t testing.TB, zone string) uint32 {
	t.Helper()
	return s.SOA(t, zone).Serial
}

// Await waits until NSD answers a zone with that serial.
func (s *Server) Await(t testing.TB, zone string, serial uint32) {
	t.Helper()
	err := poll(startTime, nil, func() error {
		soa, err := s.soa(zone)
		if err == nil && soa.Serial != serial {
			err = fmt.Errorf("%s has %s at %d, not at %d", s.Addr, zone, soa.Serial, serial)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (s *Server) soa(zone string) (*dns.SOA, error) {
	answer, err := s.ask(zone)
	if err != nil {
		return nil, err
	}
	return s.soaIn(answer, zone)
}

func (s *Server) soaIn(answer *dns.Msg, zone string) (*dns.SOA, error) {
	for _, rr := range answer.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa, nil
		}
	}
	return nil, fmt.Errorf("%s has no SOA of %s: %s", s.Addr, zone, dns.RcodeToString[answer.Rcode])
}

func (s *Server) ask(zone string) (*dns.Msg, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(zone), dns.TypeSOA)
	client := dns.Client{Net: "tcp", Timeout: 2 * time.Second}
	answer, _, err := client.Exchange(question, s.Addr.String())
	return answer, err
}

// poll asks until check has no error any more; it gives up after the limit, or
// when stop is closed (nil: never).
func poll(limit time.Duration, stop <-chan struct{}, check func() error) error {
	deadline := time.After(limit)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-stop:
			return errors.Join(errors.New("the process has ended"), err)
		case <-deadline:
			return fmt.Errorf("after %v: %w", limit, err)
		}
	}
}
