//! What the child may not do. It works on what strangers wrote, with an engine that is not all
//! safe code: should it be taken over, it can still do nothing but compute and answer.
//!
//! Limits of memory, processor time and open files hold on every Unix. On Linux a seccomp filter
//! then leaves only the system calls that computing, threads and the three open pipes need: no
//! file can be opened, no socket, no process started, no other process reached. What else whoever
//! started us left open can be neither read nor written, unless the machine's fonts are used.

use std::io;
#[cfg(not(all(target_os = "linux", target_endian = "little")))]
use std::os::fd::BorrowedFd;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::limits;

/// Lowers this process's own limits.
pub(super) fn limit() -> io::Result<()> {
    let limits = [
        (Resource::As, limits::CHILD_MEMORY),
        (Resource::Cpu, limits::CHILD_CPU.as_secs()),
        (Resource::Nofile, limits::CHILD_FILES),
        (Resource::Fsize, 0),
        // What it held is of no use on a disk.
        (Resource::Core, 0),
    ];
    for (resource, most) in limits {
        // Whoever started us may have set less.
        let most = getrlimit(resource).maximum.map_or(most, |maximum| maximum.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

#[cfg(not(all(target_os = "linux", target_endian = "little")))]
pub(super) fn close(
    _: crate::options::Fonts,
    _: BorrowedFd<'_>,
    _: BorrowedFd<'_>,
) -> Result<(), String> {
    Err("this system has no filter of system calls that is known here".to_owned())
}

#[cfg(all(target_os = "linux", target_endian = "little"))]
pub(super) use filter::close;

#[cfg(all(target_os = "linux", target_endian = "little"))]
mod filter {
    use std::collections::BTreeMap;
    use std::os::fd::{AsRawFd as _, BorrowedFd};

    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };

    use crate::options::Fonts;

    /// Memory, threads, time, and the end.
    const ALLOWED: [libc::c_long; 29] = [
        libc::SYS_brk,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_membarrier,
        libc::SYS_futex,
        libc::SYS_set_robust_list,
        libc::SYS_set_tid_address,
        libc::SYS_rseq,
        libc::SYS_gettid,
        libc::SYS_getpid,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_getrandom,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_lseek,
        libc::SYS_fstat,
        libc::SYS_ppoll,
        libc::SYS_close,
        libc::SYS_exit,
        libc::SYS_exit_group,
        // The C library starts a thread with it where it can; answered below as by a kernel that
        // has no such call, since its flags are in memory, where a filter cannot look.
        libc::SYS_clone3,
    ];

    /// Reading files, where the machine's own fonts are used.
    const READING: [libc::c_long; 8] = [
        libc::SYS_read,
        libc::SYS_readv,
        libc::SYS_pread64,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_readlinkat,
        libc::SYS_getdents64,
        libc::SYS_faccessat,
    ];

    /// An argument of a call, and what it must be in the bits of a mask.
    #[derive(Clone, Copy)]
    struct Argument {
        index: u8,
        mask: u64,
        value: u64,
    }

    const ALL: u64 = u32::MAX as u64;

    impl Argument {
        /// The argument is this value.
        const fn is(index: u8, value: u64) -> Argument {
            Argument { index, mask: ALL, value }
        }

        fn condition(self) -> Result<SeccompCondition, seccompiler::BackendError> {
            SeccompCondition::new(
                self.index,
                SeccompCmpArgLen::Dword,
                SeccompCmpOp::MaskedEq(self.mask),
                self.value,
            )
        }
    }

    /// A call that is allowed where all these arguments are as said.
    type Conditional = (libc::c_long, Vec<Argument>);

    fn conditional(fonts: Fonts, from: u64, to: u64) -> Vec<Conditional> {
        let errors = libc::STDERR_FILENO as u64;
        let threads = libc::CLONE_THREAD as u64;
        let thread = Argument { index: 0, mask: threads, value: threads };
        // Memory to compute in, none to run.
        let inert = Argument { index: 2, mask: libc::PROT_EXEC as u64, value: 0 };
        let own = u64::from(std::process::id());
        let mut calls = vec![
            (libc::SYS_clone, vec![thread]),
            (libc::SYS_mprotect, vec![inert]),
            // A signal to itself: how a process aborts.
            (libc::SYS_tgkill, vec![Argument::is(0, own)]),
            // Its own limits, which can only fall.
            (libc::SYS_prlimit64, vec![Argument::is(0, 0)]),
            (libc::SYS_prctl, vec![Argument::is(0, libc::PR_SET_NAME as u64)]),
            (libc::SYS_prctl, vec![Argument::is(0, libc::PR_SET_VMA as u64)]),
            // A look at a descriptor, not a second one for the same file.
            (libc::SYS_fcntl, vec![Argument::is(1, libc::F_GETFD as u64)]),
            (libc::SYS_fcntl, vec![Argument::is(1, libc::F_GETFL as u64)]),
        ];
        for call in [libc::SYS_write, libc::SYS_writev] {
            calls.extend([to, errors].map(|pipe| (call, vec![Argument::is(0, pipe)])));
        }
        match fonts {
            Fonts::CarriedOnly => {
                // Memory of no file.
                calls.push((libc::SYS_mmap, vec![inert, Argument::is(4, ALL)]));
                calls.push((libc::SYS_read, vec![Argument::is(0, from)]));
                calls.push((libc::SYS_readv, vec![Argument::is(0, from)]));
            }
            Fonts::System => {
                calls.push((libc::SYS_mmap, vec![inert]));
                let writing = (libc::O_ACCMODE | libc::O_CREAT | libc::O_TRUNC) as u64;
                let reading = Argument { index: 2, mask: writing, value: libc::O_RDONLY as u64 };
                calls.push((libc::SYS_openat, vec![reading]));
            }
        }
        calls
    }

    /// Closes the door: from here on this thread, and every thread it starts, can only compute,
    /// take orders from one descriptor and answer through another. The error says why that cannot
    /// be had, in words.
    pub(in super::super) fn close(
        fonts: Fonts,
        from: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
    ) -> Result<(), String> {
        programs(fonts, from.as_raw_fd() as u64, to.as_raw_fd() as u64)
            .and_then(|programs| {
                programs.iter().try_for_each(|program| seccompiler::apply_filter(program))
            })
            .map_err(|error| error.to_string())
    }

    /// Two filters; of two answers the kernel takes the stricter.
    fn programs(fonts: Fonts, from: u64, to: u64) -> Result<[BpfProgram; 2], seccompiler::Error> {
        let machine = TargetArch::try_from(std::env::consts::ARCH)?;
        let error = |number: libc::c_int| SeccompAction::Errno(number as u32);
        let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
            ALLOWED.iter().map(|&call| (call, Vec::new())).collect();
        if fonts == Fonts::System {
            rules.extend(READING.iter().map(|&call| (call, Vec::new())));
        }
        for (call, arguments) in conditional(fonts, from, to) {
            let conditions = arguments.into_iter().map(Argument::condition);
            let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
            rules.entry(call).or_default().push(SeccompRule::new(conditions)?);
        }
        let allowed = SeccompFilter::new(rules, error(libc::EPERM), SeccompAction::Allow, machine)?;
        let unknown = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        let absent =
            SeccompFilter::new(unknown, SeccompAction::Allow, error(libc::ENOSYS), machine)?;
        Ok([absent.try_into()?, allowed.try_into()?])
    }
}
