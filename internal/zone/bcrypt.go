package zone

// bcryptLength is that of a hash in the form that every implementation writes.
const bcryptLength = 60

// maxBcryptCost bounds what one check may take: each step doubles it, and acme-dns
// has 10, which is some 60 ms. 14 is a second.
const maxBcryptCost = 14

// ValidBcrypt reports whether s is a bcrypt hash: $2a$, $2b$ or $2y$, a cost from 4
// to 14, and 53 characters of salt and digest.
func ValidBcrypt(s string) bool {
	if !LooksLikeBcrypt(s) || s[2] != 'a' && s[2] != 'b' && s[2] != 'y' || s[3] != '$' || s[6] != '$' {
		return false
	}
	if !isDigit(s[4]) || !isDigit(s[5]) {
		return false
	}
	if cost := int(s[4]-'0')*10 + int(s[5]-'0'); cost < 4 || cost > maxBcryptCost {
		return false
	}
	for i := 7; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', isDigit(c), c == '.', c == '/':
		default:
			return false
		}
	}
	return true
}

// LooksLikeBcrypt tells a stored bcrypt hash from a Secret, which is shorter.
func LooksLikeBcrypt(s string) bool { return len(s) == bcryptLength && s[:2] == "$2" }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
