#!/bin/sh
# Installs fundpool from this bundle, or an upgrade beside the release before: no internet needed.
# As root, on a Linux with systemd and the Python the bundle was built for. Run it again at any time.
set -eu
cd "$(dirname "$0")"

release=$(cat RELEASE)
python=$(cat PYTHON) # such as python3.11
place=/opt/fundpool/$release

fail() { echo "install.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "run it as root / 请以 root 运行"
command -v "$python" >/dev/null || fail "this bundle is for $python, which is not here / 本机没有 $python"
sha256sum --quiet --check SHA256SUMS || fail "a file of the bundle is not as it was built / 安装包已损坏"

id fundpool >/dev/null 2>&1 ||
  useradd --system --user-group --home-dir /var/lib/fundpool --shell /usr/sbin/nologin fundpool
install -d -o fundpool -g fundpool -m 0700 /var/lib/fundpool /var/backups/fundpool
install -d -o root -g fundpool -m 0750 /etc/fundpool
install -d -o fundpool -g fundpool -m 0700 /etc/fundpool/secrets

# A release that was cut short while it was installed is installed anew; the one in use is another folder.
if [ ! -e "$place/complete" ]; then
  rm -rf "$place"
  "$python" -m venv --without-pip "$place"
  install_wheels() {
    PYTHONPATH=$(echo "$PWD"/wheels/pip-*.whl) "$place/bin/python" -m pip --isolated --disable-pip-version-check \
      install --quiet --root-user-action ignore --no-index --find-links wheels --no-deps "$@"
  }
  install_wheels --require-hashes -r requirements.lock
  install_wheels wheels/fundpool-*.whl
  "$place/bin/python" -m fundpool.local_prefect.server prepare
  touch "$place/complete"
fi

[ -e /etc/fundpool/fundpool.toml ] || install -o root -g fundpool -m 0640 fundpool.toml /etc/fundpool/fundpool.toml
cp -R systemd/. /etc/systemd/system/
ln -sfn "$release" /opt/fundpool/current.new && mv -T /opt/fundpool/current.new /opt/fundpool/current
ln -sf /opt/fundpool/current/bin/fundpool /usr/local/bin/fundpool
[ ! -d /run/systemd/system ] || systemctl daemon-reload

cat <<TEXT
fundpool $release is in /opt/fundpool/current.
已装好。下一步见 docs/install.md：
  1. vi /etc/fundpool/fundpool.toml
  2. runuser -u fundpool -- fundpool init --cities CITY     (an upgrade: runuser -u fundpool -- fundpool upgrade)
  3. systemctl enable --now fundpool.target fundpool-server fundpool-worker fundpool-dashboard \\
       fundpool-notices.timer fundpool-backup.timer
  4. runuser -u fundpool -- fundpool doctor
TEXT
