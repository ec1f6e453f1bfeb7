//! What only the operating system knows: room on a disk, and what the CUDA driver says.

use std::path::Path;

/// Room on the disk of a folder.
pub(super) struct Disk {
    /// Bytes that this user may still write.
    pub(super) free: u64,
    /// Bytes in all.
    pub(super) total: u64,
}

/// What the CUDA driver says.
pub(super) struct Cuda {
    /// The newest CUDA version that the driver understands: (13, 0).
    pub(super) version: (i32, i32),
    /// The names of the devices.
    pub(super) devices: Vec<String>,
}

/// Room on the disk of an existing folder; none where the system does not tell.
#[cfg(unix)]
pub(super) fn disk(folder: &Path) -> Option<Disk> {
    use std::{ffi::CString, mem::MaybeUninit, os::unix::ffi::OsStrExt};
    let path = CString::new(folder.as_os_str().as_bytes()).ok()?;
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the path ends with a zero byte, and the structure is large enough and may be all zeros.
    let found = unsafe {
        if libc::statvfs(path.as_ptr(), found.as_mut_ptr()) != 0 {
            return None;
        }
        found.assume_init()
    };
    // The widths of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    let (block, free, total) = (found.f_frsize as u64, found.f_bavail as u64, found.f_blocks as u64);
    Some(Disk { free: block * free, total: block * total })
}

#[cfg(not(unix))]
pub(super) fn disk(_: &Path) -> Option<Disk> {
    None
}

/// Loads the driver library, as any CUDA program does, and asks it; the error says how far that went.
#[cfg(unix)]
pub(super) fn cuda() -> Result<Cuda, String> {
    use std::{
        ffi::{CStr, c_char, c_int, c_uint, c_void},
        mem::transmute,
    };
    type Init = unsafe extern "C" fn(c_uint) -> c_int;
    type Number = unsafe extern "C" fn(*mut c_int) -> c_int;
    type Device = unsafe extern "C" fn(*mut c_int, c_int) -> c_int;
    type Name = unsafe extern "C" fn(*mut c_char, c_int, c_int) -> c_int;

    // SAFETY: the library stays loaded; the signatures are those of the CUDA driver API, unchanged since CUDA 2.0;
    // every pointer is to a local variable that outlives the call.
    unsafe {
        let library = libc::dlopen(c"libcuda.so.1".as_ptr(), libc::RTLD_NOW);
        if library.is_null() {
            return Err("there is no driver library libcuda.so.1".into());
        }
        let symbol = |name: &CStr| -> Result<*mut c_void, String> {
            let found = libc::dlsym(library, name.as_ptr());
            if found.is_null() {
                Err(format!("the driver library lacks {}", name.to_string_lossy()))
            } else {
                Ok(found)
            }
        };
        let check = |what: &str, status: c_int| match status {
            0 => Ok(()),
            status => Err(format!("the driver is there, but {what} answers with error {status}")),
        };
        let init = transmute::<*mut c_void, Init>(symbol(c"cuInit")?);
        let version = transmute::<*mut c_void, Number>(symbol(c"cuDriverGetVersion")?);
        let count = transmute::<*mut c_void, Number>(symbol(c"cuDeviceGetCount")?);
        let device = transmute::<*mut c_void, Device>(symbol(c"cuDeviceGet")?);
        let name = transmute::<*mut c_void, Name>(symbol(c"cuDeviceGetName")?);

        check("cuInit", init(0))?;
        let (mut number, mut devices) = (0, 0);
        check("cuDriverGetVersion", version(&mut number))?;
        check("cuDeviceGetCount", count(&mut devices))?;
        let mut names = vec![];
        for at in 0..devices {
            let (mut handle, mut text) = (0, [0 as c_char; 256]);
            check("cuDeviceGet", device(&mut handle, at))?;
            check("cuDeviceGetName", name(text.as_mut_ptr(), 255, handle))?;
            names.push(CStr::from_ptr(text.as_ptr()).to_string_lossy().into_owned());
        }
        Ok(Cuda { version: (number / 1000, number % 1000 / 10), devices: names })
    }
}

#[cfg(not(unix))]
pub(super) fn cuda() -> Result<Cuda, String> {
    Err("nobody has taught dichroic to ask for CUDA on this system".into())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_no_more_free_than_it_has() {
        let disk = disk(Path::new("/")).unwrap();
        assert!(disk.total > 0 && disk.free <= disk.total);
        assert!(super::disk(Path::new("/no such folder")).is_none());
    }

    #[test]
    fn asking_for_cuda_is_safe_with_and_without_it() {
        match cuda() {
            Ok(cuda) => assert!(cuda.version.0 > 0),
            Err(why) => assert!(why.contains("driver"), "{why}"),
        }
    }
}
