package client

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/acmezone/acmezone/internal/zone"
)

// Remote speaks to an acmezone elsewhere, with a token: it may do what the token
// allows, for the domains that the token is good for. It may be used by any number of
// goroutines.
type Remote struct {
	base  *url.URL
	token string
	http  *retryablehttp.Client

	mu    sync.Mutex
	known map[string]Stored       // by user name: what the server has told so far
	set   map[string][]zone.Value // by owner: what was set so far
}

// Stored is an account as the account store keeps it, and as lego and others do in
// their files (goacmedns).
type Stored struct {
	FullDomain string `json:"fulldomain"`
	Subdomain  string `json:"subdomain"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	ServerURL  string `json:"server_url"`
}

// NewRemote returns a client of the API at that address. What fails for a moment, on
// the way or at the server, is tried again a few times.
func NewRemote(server, token string) (*Remote, error) {
	base, err := url.Parse(server)
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" {
		return nil, fmt.Errorf("--server %q is no address such as https://auth.example.org", server)
	}
	if slices.ContainsFunc(strings.Split(base.Path, "/"), zone.LooksLikeToken) {
		return nil, errors.New("--server has a token in its path: leave it out there, and give it as --token or in ACMEZONE_TOKEN")
	}
	// What isn't the address would be in messages and in account files.
	base.User, base.RawQuery, base.Fragment = nil, "", ""
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 3, 200*time.Millisecond, 5*time.Second
	c.CheckRetry = worthAnotherTry
	c.HTTPClient.Timeout = 2 * time.Minute // a CNAME may be installed meanwhile
	// Elsewhere a POST may arrive as a GET, and a password would with it.
	c.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &Remote{base: base, token: token, http: c, known: make(map[string]Stored), set: make(map[string][]zone.Value)}, nil
}

// worthAnotherTry leaves it to the user when to come again who has asked too often: the
// server says so in minutes.
func worthAnotherTry(ctx context.Context, response *http.Response, err error) (bool, error) {
	if response != nil && response.StatusCode == http.StatusTooManyRequests {
		return false, nil
	}
	return retryablehttp.DefaultRetryPolicy(ctx, response, err)
}

// Server is the address of the API, as it is kept with an account.
func (r *Remote) Server() string { return strings.TrimSuffix(r.base.String(), "/") }

// Stored returns the account that a domain is bound to, with a password that is good
// as long as the token; or zone.ErrNotBound.
func (r *Remote) Stored(ctx context.Context, domain string) (Stored, error) {
	var s Stored
	if _, err := r.do(ctx, http.MethodGet, "storage/"+domain, nil, &s); err != nil {
		return s, err
	}
	return s, r.remember(s)
}

func (r *Remote) remember(s Stored) error {
	if s.Username == "" || s.Subdomain == "" || s.FullDomain == "" {
		return errors.New("the server's answer is no account: is --server the address of an acmezone?")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[s.Username] = s
	return nil
}

// Register makes an account that is bound to no domain yet.
func (r *Remote) Register(ctx context.Context) (Stored, error) {
	var s Stored
	if _, err := r.do(ctx, http.MethodPost, "register", []byte("{}"), &s); err != nil {
		return s, err
	}
	s.ServerURL = r.Server()
	return s, r.remember(s)
}

// Bind binds a domain to an account that was registered, and reports whether the
// server has installed the CNAME. zone.ErrBound: the domain is bound already.
func (r *Remote) Bind(ctx context.Context, domain string, s Stored) (attached bool, err error) {
	body, err := json.Marshal(s)
	if err != nil {
		return false, err
	}
	status, err := r.do(ctx, http.MethodPost, "storage/"+domain, body, nil)
	return status == http.StatusCreated, err
}

func (r *Remote) do(ctx context.Context, method, path string, body []byte, into any, headers ...string) (status int, err error) {
	request, err := retryablehttp.NewRequestWithContext(ctx, method, r.base.JoinPath(path).String(), body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	if r.token != "" {
		request.Header.Set("Authorization", "Bearer "+r.token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := r.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking %s: %w", r.Server(), trustHint(withoutURL(err)))
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusMultipleChoices {
		return response.StatusCode, r.refusal(response)
	}
	if into == nil {
		into = new(any)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil {
		return response.StatusCode, fmt.Errorf("the answer of %s is not acmezone's: %w: is it the address of an acmezone?", r.Server(), err)
	}
	return response.StatusCode, nil
}

// maxAnswer bounds what is read of an answer: the accounts of a hundred thousand
// domains.
const maxAnswer = 64 << 20

// withoutURL takes the address out of an error, which the message has already.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// trustHint says how a certificate that nobody has signed is trusted.
func trustHint(err error) error {
	if unknown := (x509.UnknownAuthorityError{}); errors.As(err, &unknown) {
		return fmt.Errorf("%w: if it is that server's own, get it in a file and set SSL_CERT_FILE to that", err)
	}
	return err
}

// refusal says in the operator's words what the server's code means.
func (r *Remote) refusal(response *http.Response) error {
	if to := response.Header.Get("Location"); to != "" && response.StatusCode < http.StatusBadRequest {
		return fmt.Errorf("%s leads elsewhere, to %s: give the address that answers itself as --server", r.Server(), to)
	}
	var answer struct{ Error, Reason string }
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&answer); err != nil || answer.Error == "" {
		return fmt.Errorf("%s answered %s: is it the address of an acmezone?", r.Server(), response.Status)
	}
	switch {
	case answer.Error == "domain_bound":
		return zone.ErrBound
	case answer.Error == "not_published":
		return zone.ErrNotPublished
	case answer.Error == "not_found" && strings.Contains(response.Request.URL.Path, "/storage/"):
		return zone.ErrNotBound
	case answer.Error == "not_found":
		return fmt.Errorf("%s has no API there: give --server with its api.path_prefix, and without more", r.Server())
	case response.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s refuses the token: it is unknown, has expired, or may not be used from here", r.Server())
	case answer.Error == "forbidden":
		return errors.New("the token is not good for that domain: 'acmezone token create --domain' makes one that is")
	case answer.Error == "rate_limited":
		return fmt.Errorf("%s has had too many requests of this kind from here: go on in %s seconds", r.Server(), response.Header.Get("Retry-After"))
	case answer.Error == "registration_forbidden":
		return errors.New("the token is good for no further registration: it is used up, or has its quota of accounts")
	}
	return fmt.Errorf("%s answered %s: %s", r.Server(), response.Status, answer.Error)
}
