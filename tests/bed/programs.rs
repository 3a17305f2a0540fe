//! The programs that a server's sessions find.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::options::Access;

/// Where a machine's programs are.
const PROGRAMS: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The search path of the sessions. What is in `bin` comes first.
pub(crate) fn path(bin: &Path, access: Access) -> String {
    if access == Access::NoProgram {
        link_all_but_docker(bin);
        return bin.display().to_string();
    }
    format!("{}:{PROGRAMS}", bin.display())
}

fn link_all_but_docker(bin: &Path) {
    for dir in PROGRAMS.split(':') {
        for program in fs::read_dir(dir).into_iter().flatten().flatten() {
            let link = bin.join(program.file_name());
            if !program.file_name().to_string_lossy().contains("docker") && !link.exists() {
                symlink(program.path(), link).ok();
            }
        }
    }
}
