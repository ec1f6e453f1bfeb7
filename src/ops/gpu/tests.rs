//! Compiles the kernels with NVRTC, the compiler that a GPU's machine uses. Their results are compared where
//! the operations are: golden tests run on the CPU and on the emulator.

use super::{
    Gpu, Grid, profile,
    signature::{FILES, PRELUDE},
};
use crate::{
    Weight, buffer,
    golden::{assert_close, device, on_gpus},
    params::{Params, Published},
    seed::Seed,
    tape::{Gradients, Tape},
};
use candle_core::{DType, Device, Tensor};
use libloading::{Library, Symbol};
use std::{
    ffi::{CString, c_char, c_int, c_void},
    ptr::{null, null_mut},
};

/// CUDA's compiler as a library, which needs no GPU.
fn nvrtc() -> Option<Library> {
    let names = ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"];
    // SAFETY: it has no initialisers that run when it is loaded.
    names.iter().find_map(|name| unsafe { Library::new(name) }.ok())
}

/// The compiler's error for a text; `None` if it compiles.
fn complaint(library: &Library, text: &str) -> Option<String> {
    type Create = unsafe extern "C" fn(
        *mut *mut c_void,
        *const c_char,
        *const c_char,
        c_int,
        *const *const c_char,
        *const *const c_char,
    ) -> c_int;
    type Compile = unsafe extern "C" fn(*mut c_void, c_int, *const *const c_char) -> c_int;
    type Size = unsafe extern "C" fn(*mut c_void, *mut usize) -> c_int;
    type Log = unsafe extern "C" fn(*mut c_void, *mut c_char) -> c_int;
    let text = CString::new(text).unwrap();
    let option = c"--gpu-architecture=sm_90".as_ptr();
    // SAFETY: the signatures are those of NVRTC's manual; pointers are to local variables.
    unsafe {
        let create: Symbol<'_, Create> = library.get(b"nvrtcCreateProgram").unwrap();
        let compile: Symbol<'_, Compile> = library.get(b"nvrtcCompileProgram").unwrap();
        let size: Symbol<'_, Size> = library.get(b"nvrtcGetProgramLogSize").unwrap();
        let log: Symbol<'_, Log> = library.get(b"nvrtcGetProgramLog").unwrap();
        let mut program = null_mut();
        assert_eq!(create(&mut program, text.as_ptr(), null(), 0, null(), null()), 0);
        if compile(program, 1, &option) == 0 {
            return None;
        }
        let mut length = 0;
        size(program, &mut length);
        let mut said = vec![0u8; length.max(1)];
        log(program, said.as_mut_ptr().cast());
        Some(String::from_utf8_lossy(&said).into_owned())
    }
}

#[test]
fn the_compiler_for_gpus_takes_every_kernel() {
    let Some(library) = nvrtc() else {
        eprintln!("skipped: there is no libnvrtc on this machine");
        return;
    };
    for (name, kernels) in FILES {
        for bf16 in [0, 1] {
            let text = format!("#define BF16 {bf16}\n{PRELUDE}\n{kernels}");
            assert_eq!(complaint(&library, &text), None, "{name}, BF16 {bf16}");
        }
    }
    assert!(complaint(&library, "KERNEL wrong(").is_some(), "it reports errors");
}

/// Wrong arguments of a launch are found before it runs.
#[test]
fn what_does_not_fit_is_refused() {
    let zeros = |dtype| Tensor::zeros(8, dtype, &Device::Cpu).unwrap();
    let (floats, halves, whole) = (zeros(DType::F32), zeros(DType::BF16), zeros(DType::U32));
    let refused = |result: candle_core::Result<()>| result.unwrap_err().to_string();
    let grid = Grid::over(8);
    let mixed = refused(launch!(Gpu::Emulated, add_into[grid](&floats, &halves, 8usize)));
    assert!(mixed.contains("kernel `add_into`: expected `const real *` for more, found BF16"), "{mixed}");
    assert!(refused(launch!(Gpu::Emulated, narrow[grid](&whole, &halves, 8usize))).contains("U32"));
    let scattered = Tensor::zeros((4, 2), DType::F32, &Device::Cpu).unwrap().t().unwrap();
    assert!(refused(Gpu::Emulated.add_assign(&scattered, &floats)).contains("contiguous"));
}

/// Rows are divided among lanes in four ways, depending on their width.
#[test]
fn rows_of_any_width_are_normalised() {
    for width in [37, 192, 384, 768, 1000] {
        let run = || {
            let mut params = Params::new(Seed(width as u64));
            let x = params.add_normal(Published::new("x", &[21, width]), 1.0);
            let scale = params.add_normal(Published::new("scale", &[width]), 1.0);
            let shift = params.add_normal(Published::new("shift", &[width]), 1.0);
            let head = params.add_normal(Published::new("head", &[3, width]), 0.1);
            let mut tape = Tape::recording(&params);
            let [x, scale, shift, head] = [x, scale, shift, head].map(|id| tape.param(&params, id));
            let y = tape.layer_norm(&x, &scale, &shift, 1e-6).unwrap();
            let y = tape.add(&y, &x).unwrap();
            let y = tape.linear(&y, &head, Weight::OutIn, None).unwrap();
            let loss = tape.cross_entropy(&y, 1.0, &[0, 1, 2].repeat(7), None).unwrap();
            let mut gradients = Gradients::new(&params);
            tape.backward(&loss, &mut gradients).unwrap();
            let copy = |id| buffer::copy(gradients.of(id).unwrap().tensor()).unwrap();
            params.ids().map(copy).collect::<Vec<_>>()
        };
        let expected = run();
        on_gpus(|| {
            for (at, (found, expected)) in run().iter().zip(&expected).enumerate() {
                assert_close(&format!("width {width}, {at}"), found, expected, 2e-5);
            }
        });
    }
}

#[test]
fn many_rows_are_summed_in_parts() {
    let values: Vec<f32> = (0..3000 * 5).map(|at| (at % 7) as f32).collect();
    let mut expected = [0f32; 5];
    values.iter().enumerate().for_each(|(at, value)| expected[at % 5] += value);
    on_gpus(|| {
        let gpu = Gpu::at(&device()).unwrap();
        let x = Tensor::from_slice(&values, (3000, 5), &device()).unwrap();
        let sums = Tensor::ones(5, DType::F32, &device()).unwrap();
        gpu.column_sums(&x, &sums, true).unwrap();
        assert_eq!(sums.to_vec1::<f32>().unwrap(), expected.map(|sum| sum + 1.0));
    });
}

#[test]
fn a_profile_has_every_launch_once() {
    let work = || {
        let mut params = Params::new(Seed(3));
        let x = params.add_normal(Published::new("x", &[6, 40]), 1.0);
        let w = params.add_normal(Published::new("w", &[24, 40]), 1.0);
        let mut tape = Tape::recording(&params);
        let [x, w] = [x, w].map(|id| tape.param(&params, id));
        let y = tape.linear(&x, &w, Weight::OutIn, None)?;
        let y = tape.gelu(&y)?;
        Ok(tape.gelu(&y).map(drop))
    };
    on_gpus(|| {
        let (_, shares) = profile(work).unwrap();
        let product = shares.iter().find(|share| share.name.starts_with("product")).unwrap();
        assert_eq!(product.name, "product 6×40 · 40×24ᵀ f32");
        let bytes = 4 * (6 * 40 + 40 * 24 + 6 * 24);
        assert_eq!((product.calls, product.operations, product.bytes), (1, 2 * 6 * 40 * 24, bytes));
        let gelu = shares.iter().find(|share| share.name == "gelu").unwrap();
        assert_eq!((gelu.calls, gelu.bytes), (2, 2 * 2 * 4 * 6 * 24));
        assert!(shares.windows(2).all(|pair| pair[0].ms >= pair[1].ms) && product.ms > 0.0);
        let beyond = profile(|| Ok(())).unwrap().1;
        assert!(beyond.is_empty(), "nothing outside the profiled work is recorded");
    });
    assert!(profile(work).unwrap().1.is_empty(), "the CPU's own code launches nothing");
}
