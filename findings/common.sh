# Sourced by every finding: a folder that goes away, packages put into it, and the ways to end.
#
# A finding ends with 0 where the behaviour is as told, with 1 where it has changed, and with 0 and a line
# "not applicable here: ..." where this machine, or what can be installed on it, lacks what it takes.

set -eu
# A folder that goes away: nothing is installed anywhere else.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"

not_applicable() {
    echo "not applicable here: $*"
    exit 0
}

changed() {
    echo "changed: $*"
    exit 1
}

# need PROGRAM...: ends where one of the programs is not installed.
need() {
    for program in "$@"; do
        command -v "$program" >/dev/null || not_applicable "there is no $program"
    done
}

# python PACKAGE==VERSION...: a fresh environment in venv/ that holds exactly these packages.
python() {
    need python3
    python3 -m venv venv >install.log 2>&1 || not_applicable "python3 can't make environments"
    venv/bin/pip --disable-pip-version-check install --no-deps --only-binary :all: --quiet "$@" >>install.log 2>&1 ||
        not_applicable "$(tail -n 1 install.log)"
}

# pyopencl: the environment of `python` with PyOpenCL and NumPy, of one version each.
pyopencl() {
    python pyopencl==2026.1.4 numpy==2.4.6 pytools==2026.1.1 platformdirs==4.14.9 siphash24==1.9 typing_extensions==4.16.0
}

# crate NAME=VERSION...: a fresh Rust program in crate/, to which src/main.rs is still to be written.
crate() {
    need cargo
    cargo init --quiet --vcs none --name finding crate >install.log 2>&1 || not_applicable "$(tail -n 1 install.log)"
    for dependency in "$@"; do
        echo "${dependency%%=*} = \"=${dependency#*=}\"" >>crate/Cargo.toml
    done
    (cd crate && cargo fetch --quiet) >>install.log 2>&1 || not_applicable "$(tail -n 1 install.log)"
}

# debian PACKAGE[=VERSION]...: Debian packages, unpacked into debian/ and installed nowhere.
debian() {
    need apt-get dpkg-deb
    mkdir -p archives
    (cd archives && apt-get download --quiet "$@") >install.log 2>&1 || not_applicable "$(grep '^E:' install.log | head -n 1)"
    for archive in archives/*.deb; do
        dpkg-deb --extract "$archive" debian
    done
    rm -r archives
}

# pocl: PoCL 3.1 out of Debian's packages, as the only OpenCL driver that programs started from here see.
pocl() {
    debian libpocl2=3.1-3+deb12u1 libpocl2-common=3.1-3+deb12u1 libclang-cpp15=1:15.0.6-4+b1 libllvm15=1:15.0.6-4+b1 \
        libhwloc15 libz3-4 libedit2 libbsd0 libmd0 libxml2 libicu72
    mkdir vendors cache
    libraries=$(echo "$work"/debian/usr/lib/*-linux-gnu)
    echo "$libraries/libpocl.so.2" >vendors/pocl.icd
    export OCL_ICD_VENDORS="$work/vendors" LD_LIBRARY_PATH="$libraries" POCL_CACHE_DIR="$work/cache"
}
