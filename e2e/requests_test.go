package e2e

// registrationRequest is a client's way to register, and the allow list that the answer
// has to give back.
type registrationRequest struct {
	wireRequest
	allowFrom string
}

// acmeShRegistration and acmeShUpdate are acme.sh's places in the tables.
const (
	acmeShRegistration = 0
	acmeShUpdate       = 0
)

// Caddy, dehydrated's hook and muacme never register.
var registrations = []registrationRequest{
	{wireRequest{client: "acme.sh", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: acme.sh/3.1.1 (https://github.com/acmesh-official/acme.sh)
Accept: */*`}, `[]`},

	{wireRequest{client: "lego", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: goacmedns (linux; amd64)
Content-Length: {length}
Accept: application/json
Content-Type: application/json
Accept-Encoding: gzip`, body: "null\n"}, `[]`},

	{wireRequest{client: "lego with an allow list", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: goacmedns (linux; amd64)
Content-Length: {length}
Accept: application/json
Content-Type: application/json
Accept-Encoding: gzip`, body: `{"allowfrom":["192.0.2.0/24"," 2001:db8::/32"]}` + "\n"}, `["192.0.2.0/24","2001:db8::/32"]`},

	{wireRequest{client: "cert-manager 1.18", head: `POST //register HTTP/1.1
Host: {host}
User-Agent: goacmedns (linux; amd64)
Content-Length: 0
Content-Type: application/json
Accept-Encoding: gzip`}, `[]`},

	{wireRequest{client: "acme-dns-client with an allow list", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: goacmedns (linux; amd64)
Content-Length: {length}
Content-Type: application/json
Accept-Encoding: gzip`, body: `{"AllowFrom":["192.0.2.0/24"]}`}, `["192.0.2.0/24"]`},

	{wireRequest{client: "certbot's hook", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: python-requests/2.28.1
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
Content-Length: 0`}, `[]`},

	{wireRequest{client: "pyacmedns with an allow list", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: python-requests/2.28.1
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
Content-Length: {length}`, body: `{"allowfrom": ["192.168.10.0/24", "::1/128"]}`}, `["192.168.10.0/24","::1/128"]`},

	{wireRequest{client: "Posh-ACME", head: `POST /register HTTP/1.1
User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.17763.1
Content-Type: application/json
Host: {host}
Content-Length: {length}
Expect: 100-continue
Connection: Keep-Alive`, body: `{}`}, `[]`},

	{wireRequest{client: "win-acme", head: `POST /register HTTP/1.1
Host: {host}
User-Agent: win-acme/2.2.9.1
Authorization: Basic
Content-Type: text/plain; charset=utf-8
Content-Length: 0`}, `[]`},

	{wireRequest{client: "Certify The Web", head: `POST /register HTTP/1.1
Host: {host}
Content-Type: text/plain; charset=utf-8
Content-Length: {length}`, body: `{}`}, `[]`},

	{wireRequest{client: "Certify The Web with an empty entry and a password", head: `POST /register HTTP/1.1
Host: {host}
Authorization: Basic dXNlcjpwYXNzd29yZA==
Content-Type: text/plain; charset=utf-8
Content-Length: {length}`, body: `{"allowfrom":[""]}`}, `[]`},

	{wireRequest{client: "a list of bare addresses", head: `POST /register/ HTTP/1.1
Host: {host}
Content-Length: {length}`, body: `{"allowfrom":["192.0.2.1","[2001:db8::1]"," ",""]}`}, `["192.0.2.1/32","2001:db8::1/128"]`},
}

var updates = []wireRequest{
	{client: "acme.sh", head: `POST /update HTTP/1.1
Host: {host}
User-Agent: acme.sh/3.1.1 (https://github.com/acmesh-official/acme.sh)
Accept: */*
X-Api-User: {user}
X-Api-Key: {key}
Content-Length: {length}
Content-Type: application/x-www-form-urlencoded`, body: `{"subdomain":"{sub}", "txt": "{txt}"}`},

	{client: "lego", head: `POST /update HTTP/1.1
Host: {host}
User-Agent: goacmedns (linux; amd64)
Content-Length: {length}
Accept: application/json
Content-Type: application/json
X-Api-Key: {key}
X-Api-User: {user}
Accept-Encoding: gzip`, body: `{"subdomain":"{sub}","txt":"{txt}"}` + "\n"},

	{client: "cert-manager 1.18", head: `POST //update HTTP/1.1
Host: {host}
User-Agent: goacmedns (linux; amd64)
Content-Length: {length}
Content-Type: application/json
X-Api-Key: {key}
X-Api-User: {user}
Accept-Encoding: gzip`, body: `{"SubDomain":"{sub}","Txt":"{txt}"}`},

	{client: "Caddy", head: `POST //update HTTP/1.1
Host: {host}
User-Agent: Go-http-client/1.1
Content-Length: {length}
Content-Type: application/json
X-Api-Key: {key}
X-Api-User: {user}
Accept-Encoding: gzip`, body: `{"subdomain":"{sub}","txt":"{txt}"}`},

	{client: "certbot's hook", head: `POST /update HTTP/1.1
Host: {host}
User-Agent: python-requests/2.28.1
Accept-Encoding: gzip, deflate
Accept: */*
Connection: keep-alive
X-Api-User: {user}
X-Api-Key: {key}
Content-Type: application/json
Content-Length: {length}`, body: `{"subdomain": "{sub}", "txt": "{txt}"}`},

	{client: "Posh-ACME", head: `POST /update HTTP/1.1
X-Api-Key: {key}
X-Api-User: {user}
User-Agent: Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.17763.1
Content-Type: application/x-www-form-urlencoded
Host: {host}
Content-Length: {length}
Expect: 100-continue
Connection: Keep-Alive`, body: `{"txt":"{txt}","subdomain":"{sub}"}`},

	{client: "Posh-ACME without a content type", head: `POST /update HTTP/1.1
Host: {host}
X-Api-Key: {key}
X-Api-User: {user}
Content-Length: {length}`, body: `{"subdomain":"{sub}","txt":"{txt}"}`},

	{client: "win-acme", head: `POST /update HTTP/1.1
Host: {host}
User-Agent: win-acme/2.2.9.1
Authorization: Basic
X-Api-User: {user}
X-Api-Key: {key}
Content-Type: application/json; charset=utf-8
Content-Length: {length}`, body: `{"subdomain":"{sub}","txt":"{txt}"}`},

	{client: "Certify The Web", head: `POST /update HTTP/1.1
Host: {host}
Authorization: Basic dXNlcjpwYXNzd29yZA==
X-Api-User: {user}
X-Api-Key: {key}
Content-Type: text/plain; charset=utf-8
Content-Length: {length}`, body: `{"subdomain":"{sub}","txt":"{txt}"}`},

	{client: "dehydrated's hook", head: `POST /update HTTP/1.1
Host: {host}
User-Agent: curl/7.88.1
Accept: */*
X-Api-User: {user}
X-Api-Key: {key}
Content-Length: {length}
Content-Type: application/x-www-form-urlencoded`, body: `{"subdomain": "{sub}", "txt": "{txt}"}`},

	{client: "muacme", head: `POST /update HTTP/1.1
Host: ` + zoneName + `
User-Agent: muacme
Accept: */*
Accept-Encoding: identity
Connection: Keep-Alive
Content-Type:application/json
X-Api-User:{user}
X-Api-Key:{key}
Content-Length: {length}`, body: `{"subdomain":"{sub}", "txt":"{txt}"}`},

	{client: "a slash at the end", head: `POST /update/ HTTP/1.1
Host: {host}
X-Api-User: {user}
X-Api-Key: {key}
Content-Length: {length}`, body: `{"subdomain":"{sub}","txt":"{txt}"}`},

	{client: "a body in one chunk of 104 bytes", head: `POST /update HTTP/1.1
Host: {host}
X-Api-User: {user}
X-Api-Key: {key}
Transfer-Encoding: chunked`, body: "68\r\n" + `{"subdomain":"{sub}","txt":"{txt}"}` + "\r\n0\r\n\r\n"},
}
