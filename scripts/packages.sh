# Debian packages by name, and how they get installed. Sourced by the other scripts.
# Debian 12 has all of them, but for Catch2 3, which comes from its backports.

packages_build="g++ cmake ninja-build ccache pkg-config libcaf-dev librocksdb-dev \
libjpeg62-turbo-dev libpng-dev libdeflate-dev libwebp-dev libzimg-dev liblcms2-dev \
libseccomp-dev libssl-dev libexpat1-dev \
protobuf-compiler libprotobuf-dev libcli11-dev zlib1g-dev libtomlplusplus-dev libutf8proc-dev \
libspdlog-dev libcurl4-openssl-dev libyaml-cpp-dev"
# Libraries of the proxies that fetch_proxies gets.
packages_proxies="libpcre2-8-0 liblua5.3-0 libopentracing-c-wrapper0"
# OpenAPI Generator, which comes from npm, is written in Java; what it generates in Python needs these.
packages_generated_client="default-jre-headless python3-certifi python3-dateutil python3-six python3-urllib3"
packages_test="catch2 libvalijson-dev curl jq unzip p7zip-full libarchive-tools openssl python3-jsonschema python3-websockets chromium firefox-esr \
e2fsprogs iproute2 libimage-exiftool-perl nftables nodejs npm pngcheck webp libjpeg-turbo-progs \
$packages_proxies $packages_generated_client"
packages_sanitizers="clang-19 libclang-rt-19-dev"
packages_lint="clang-19 clang-format-19 clang-tidy-19 python3 nodejs npm"

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "darkroom: needs root or sudo to install packages: $*" >&2
    return 1
  fi
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed)" = $# ]
}

# How many of these are not installed; Boost is not counted.
missing_packages() {
  for package in "$@"; do installed "$package" || echo "$package"; done | wc -l
}

# Boost under the name that this release of Debian gives it.
packages_boost() {
  if installed libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev; then
    echo libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  elif installed libboost-dev libboost-json-dev libboost-url-dev; then
    echo libboost-dev libboost-json-dev libboost-url-dev
  elif apt-cache show libboost-json1.81-dev >/dev/null 2>&1; then
    echo libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  else
    echo libboost-dev libboost-json-dev libboost-url-dev
  fi
}

candidate_major() {
  apt-cache policy "$1" | sed -n 's/ *Candidate: *\([0-9]*\).*/\1/p'
}

# Debian 12 itself has Catch2 2: adds its backports, from the same mirror as the rest.
add_backports() {
  [ "$(candidate_major catch2)" -lt 3 ] 2>/dev/null || return 0
  codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
  uri=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $codename" 'Created-By: Packages' |
    head -n 1)
  if [ -z "$uri" ]; then
    echo "darkroom: Catch2 3 is not to be had from this system's package sources" >&2
    return 1
  fi
  echo "darkroom: adding $codename-backports to the package sources, for Catch2 3" >&2
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  signed=""
  [ -e "$keyring" ] && signed="[signed-by=$keyring] "
  echo "deb $signed$uri $codename-backports main" |
    as_root tee /etc/apt/sources.list.d/darkroom-backports.list >/dev/null
  as_root apt-get -q update >&2
}

# Debian's npm is a package of its own; other builds of the package nodejs contain it.
npm_is_in_nodejs() {
  provides=$(dpkg-query -W -f='${db:Status-Status} ${Provides},' nodejs 2>/dev/null)
  case "$provides" in
    installed*) ;;
    *) provides="$(apt-cache show --no-all-versions nodejs 2>/dev/null | grep '^Provides:')," ;;
  esac
  case "$provides" in *" npm"[\ ,]*) return 0 ;; esac
  return 1
}

without_npm() {
  for package in "$@"; do
    [ "$package" = npm ] && npm_is_in_nodejs || echo "$package"
  done
}

install_packages() {
  # shellcheck disable=SC2046
  set -- $(without_npm "$@")
  # Word splitting is meant: these are lists.
  # shellcheck disable=SC2086,SC2046
  if installed "$@" $(packages_boost) && catch2_is_new "$@"; then return 0; fi
  echo "darkroom: installing packages: $*" >&2
  [ -n "$(find /var/lib/apt/lists -name '*Packages*' -print -quit 2>/dev/null)" ] ||
    as_root apt-get -q update >&2
  backports=""
  case " $* " in
    *" catch2 "*)
      add_backports || return 1
      codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
      [ "$(candidate_major catch2)" -ge 3 ] 2>/dev/null || backports="catch2/$codename-backports"
      ;;
  esac
  # shellcheck disable=SC2046
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends \
    $backports $(without_catch2 "$backports" "$@") $(packages_boost) >&2
}

# The clients that tests/clients are written for, as package-lock.json names them, from the npm
# registry. By Debian's paths: another Node.js that comes first in PATH does not matter.
install_npm_packages() {
  folder="$top/build/npm"
  mkdir -p "$folder"
  cmp -s "$top/tests/clients/package-lock.json" "$folder/installed.json" && return 0
  echo "darkroom: installing npm packages for tests" >&2
  cp "$top/tests/clients/package.json" "$top/tests/clients/package-lock.json" "$folder"
  (cd "$folder" &&
    PATH=/usr/bin:/bin npm ci --no-audit --no-fund --loglevel=error --engine-strict >&2) &&
    cp "$folder/package-lock.json" "$folder/installed.json"
}

# The programs only: installed as packages they would begin to serve at port 80.
fetch_proxies() {
  for proxy in nginx haproxy caddy; do
    folder="$top/build/$proxy"
    [ ! -x "$folder/usr/sbin/$proxy" ] && [ ! -x "$folder/usr/bin/$proxy" ] || continue
    echo "darkroom: fetching $proxy for tests" >&2
    mkdir -p "$folder"
    (cd "$folder" && apt-get -q download "$proxy" >&2 && dpkg-deb -x "$proxy"_*.deb .) || return 1
  done
}

catch2_is_new() {
  case " $* " in
    *" catch2 "*) [ "$(dpkg-query -W -f='${Version}' catch2 2>/dev/null | cut -d. -f1)" -ge 3 ] ;;
  esac
}

# The list without catch2, if that comes from elsewhere.
without_catch2() {
  other=$1
  shift
  for package in "$@"; do
    [ -n "$other" ] && [ "$package" = catch2 ] || echo "$package"
  done
}
