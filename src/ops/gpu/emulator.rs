//! Emulates kernels on the CPU, for tests: the machine's C compiler compiles them to functions, and every
//! thread of a block has its own stack (`emulator.c`). Not covered: speed, and CUDA itself.

use super::{
    Grid,
    product::{Call, Matrix},
    signature::{Bound, FILES, KERNELS, PRELUDE, Value},
};
use candle_core::{DType, Result, Tensor};
use libloading::{Library, Symbol};
use std::{
    cell::Cell,
    ffi::c_void,
    process::Command,
    sync::{Mutex, OnceLock},
};

thread_local! {
    static ON: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread emulates a GPU.
pub(crate) fn is_on() -> bool {
    ON.get()
}

/// Runs `work` with the emulated GPU as this thread's device.
pub(crate) fn on<T>(work: impl FnOnce() -> T) -> T {
    struct Off;
    impl Drop for Off {
        fn drop(&mut self) {
            ON.set(false);
        }
    }
    ON.set(true);
    let _off = Off;
    work()
}

/// Kernels compiled for one number format.
struct Compiled(Library);

/// Kernels use static shared memory, so one block runs at a time.
static ONE: Mutex<()> = Mutex::new(());

fn compiled(format: DType) -> &'static Compiled {
    static F32: OnceLock<Compiled> = OnceLock::new();
    static BF16: OnceLock<Compiled> = OnceLock::new();
    let place = if format == DType::BF16 { &BF16 } else { &F32 };
    place.get_or_init(|| compile(format == DType::BF16))
}

fn compile(bf16: bool) -> Compiled {
    let folder = tempfile::tempdir().unwrap();
    let (source, library) = (folder.path().join("kernels.c"), folder.path().join("kernels.so"));
    let mut text = format!("#define BF16 {}\n{}\n{PRELUDE}", u8::from(bf16), include_str!("emulator.c"));
    for (_, kernels) in FILES {
        text.push_str(kernels);
    }
    for (name, signature) in KERNELS.iter() {
        let values: Vec<String> = signature
            .params
            .iter()
            .enumerate()
            .map(|(at, param)| format!("*({} *)a[{at}]", param.kind))
            .collect();
        text.push_str(&format!("\nstatic void pass_{name}(void **a) {{ {name}({}); }}", values.join(", ")));
        text.push_str(&format!(
            "\nvoid run_{name}(const int *grid, const int *block, void **a) {{ run(pass_{name}, grid, block, a); }}\n"
        ));
    }
    std::fs::write(&source, text).unwrap();
    let arguments = ["-std=gnu11", "-O2", "-w", "-fPIC", "-shared", "-fno-strict-aliasing", "-o"];
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let said = Command::new(compiler).args(arguments).args([&library, &source]).arg("-lm").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    // SAFETY: the library was just compiled, and has no initialisers that run when it is loaded.
    Compiled(unsafe { Library::new(&library) }.unwrap())
}

pub(super) fn launch(bound: &Bound, grid: Grid) -> Result<()> {
    type Run = unsafe extern "C" fn(*const i32, *const i32, *mut *mut c_void);
    let library = &compiled(bound.format).0;
    let name = format!("run_{}", bound.kernel);
    // SAFETY: the library has a function of this type for every kernel.
    let run: Symbol<'_, Run> = unsafe { library.get(name.as_bytes()) }.unwrap();
    let mut values = bound.values.clone();
    let mut pointers: Vec<*mut c_void> = values
        .iter_mut()
        .map(|value| match value {
            Value::Address(value) => std::ptr::from_mut(value).cast(),
            Value::Int(value) => std::ptr::from_mut(value).cast(),
            Value::Wide(value) => std::ptr::from_mut(value).cast(),
            Value::Float(value) => std::ptr::from_mut(value).cast(),
        })
        .collect();
    let (blocks, threads) = (grid.blocks.map(|n| n as i32), grid.threads.map(|n| n as i32));
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: `bind` has checked number, types and addresses; whether the kernel stays in bounds is what is
    // tested.
    unsafe { run(blocks.as_ptr(), threads.as_ptr(), pointers.as_mut_ptr()) };
    Ok(())
}

/// Column-major, as cuBLAS.
pub(super) fn product(call: &Call<'_>) -> Result<()> {
    let floats = |tensor: &Tensor| tensor.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>();
    let all = call.out.values;
    let (a, b, mut out) = (floats(call.a.values)?, floats(call.b.values)?, floats(all)?);
    let at = |matrix: &Matrix<'_>, number: usize, row: usize, col: usize| {
        let (across, down) = if matrix.transposed { (row, col) } else { (col, row) };
        matrix.first + number * matrix.apart + across * matrix.line + down
    };
    for number in 0..call.count {
        for col in 0..call.n {
            for row in 0..call.m {
                let terms =
                    (0..call.k).map(|k| a[at(&call.a, number, row, k)] * b[at(&call.b, number, k, col)]);
                let sum: f32 = terms.sum();
                let out = &mut out[at(&call.out, number, row, col)];
                *out = if call.beta == 0.0 { sum } else { sum + call.beta * *out };
            }
        }
    }
    let values = Tensor::new(out, all.device())?.to_dtype(all.dtype())?;
    let (to, from) = (crate::buffer::address(all)?, crate::buffer::address(&values)?);
    let bytes = all.elem_count() * all.dtype().size_in_bytes();
    // SAFETY: both have that many bytes, and are different tensors.
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to as *mut u8, bytes) };
    Ok(())
}
