#!/usr/bin/env bash
# Verifies releases as a stranger would: runs the commands of docs/verify.md, taken from the page itself.
#
#   tests/e2e/verify_release.sh DEPOT PUBLIC_KEY [SERVICE/NAME...]
#
# Without names: every release of the depot. Exit 0 when all is good, 1 at the first that is not, 2 without the programs needed.
set -euo pipefail

[ $# -ge 2 ] || { echo "usage: $0 DEPOT PUBLIC_KEY [SERVICE/NAME...]" >&2; exit 2; }
for program in openssl sha256sum jq base64; do
	command -v "$program" > /dev/null || { echo "$program is missing" >&2; exit 2; }
done
depot=$(realpath "$1") KEY=$(realpath "$2")
shift 2
page=$(dirname "$(realpath "$0")")/../../docs/verify.md
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
export KEY TMP RELEASE='' ATTESTATION='' ENGINE=''

# The lines of the fenced block that begins with "# step: NAME".
step() {
	awk -v want="# step: $1" '/^```sh$/ { getline first; inside = first == want; next } /^```$/ { inside = 0 } inside' "$page" > "$TMP/step"
	[ -s "$TMP/step" ] || { echo "docs/verify.md has no step $1" >&2; exit 2; }
	if ! bash -euo pipefail "$TMP/step" > "$TMP/output" 2>&1; then
		echo "FAILED $1: ${RELEASE#"$depot"/} $ATTESTATION" >&2
		sed 's/^/    /' "$TMP/output" >&2
		exit 1
	fi
}

verify_attestations() {
	local kind=$1
	while IFS=$'\t' read -r ATTESTATION ENGINE; do
		export ATTESTATION ENGINE
		step attestation-signature
		step attestation-subject
		step "$kind"
		count=$((count + 1))
	done < <(jq -r --arg kind "$kind" '.engines[] | select(.attestations[$kind]) | "\(.target)/\(.model).\($kind).dsse\t\(.path)"' "$RELEASE/release.json")
	ATTESTATION=
}

step key-id
if [ $# -eq 0 ]; then
	cd "$depot/releases"
	set -- */*/
fi
for name in "$@"; do
	RELEASE=$depot/releases/${name%/}
	count=0
	for s in release-signature release-payload engines nothing-else content attestation-digests; do
		step "$s"
	done
	verify_attestations provenance
	verify_attestations proof
	echo "good: ${name%/}, $(jq '.engines | length' "$RELEASE/release.json") engines, $count attestations"
done
