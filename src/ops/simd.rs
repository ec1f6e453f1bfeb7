//! SIMD dispatch: one kernel body, compiled for AVX-512, for AVX2 and for any processor, selected at run
//! time. A default build therefore runs at full speed, and the same binary runs anywhere.

use std::sync::OnceLock;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// From now on, this thread flushes denormals (below 1.2e-38) to 0. Processors are ten to a hundred times
/// slower on them, and training with vanishing gradients is full of them.
pub fn flush_subnormals() {
    #[cfg(target_arch = "x86_64")]
    {
        /// Flush to zero, and denormals are zeros.
        const BOTH: u32 = 1 << 15 | 1 << 6;
        let mut control = 0u32;
        // SAFETY: reads and writes this thread's own control register, through a valid address.
        unsafe {
            std::arch::asm!("stmxcsr [{0}]", in(reg) &raw mut control, options(nostack, preserves_flags));
            control |= BOTH;
            std::arch::asm!("ldmxcsr [{0}]", in(reg) &raw const control, options(nostack, preserves_flags));
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let mut control: u64;
        // SAFETY: sets the flush-to-zero bit of this thread's own control register.
        unsafe {
            std::arch::asm!("mrs {0}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags));
            control |= 1 << 24;
            std::arch::asm!("msr fpcr, {0}", in(reg) control, options(nomem, nostack, preserves_flags));
        }
    }
}

/// The vector operations that kernels are written in.
///
/// # Safety
/// All functions need the processor features of the implementing level, and pointers to `N` floats.
pub(crate) trait Simd: Copy {
    /// Floats in a vector.
    const N: usize;
    type V: Copy;
    unsafe fn splat(x: f32) -> Self::V;
    unsafe fn load(p: *const f32) -> Self::V;
    unsafe fn store(p: *mut f32, v: Self::V);
    /// `a * b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
}

/// The sum of `f` over two rows of equal length, as sixteen partial sums, so that the compiler may vectorise
/// it without reordering anything.
#[inline(always)]
pub(crate) fn sum_of(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut sums = [0f32; 16];
    let ((x, x_tail), (y, y_tail)) = (x.as_chunks::<16>(), y.as_chunks::<16>());
    for (x, y) in x.iter().zip(y) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += f(*x, *y);
        }
    }
    sums.iter().sum::<f32>() + x_tail.iter().zip(y_tail).map(|(x, y)| f(*x, *y)).sum::<f32>()
}

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512;

#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

macro_rules! x86 {
    ($level:ident, $n:literal, $v:ty, $splat:ident, $load:ident, $store:ident, $fma:ident, $add:ident) => {
        #[cfg(target_arch = "x86_64")]
        impl Simd for $level {
            const N: usize = $n;
            type V = $v;
            #[inline(always)]
            unsafe fn splat(x: f32) -> $v {
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(p: *const f32) -> $v {
                unsafe { $load(p) }
            }
            #[inline(always)]
            unsafe fn store(p: *mut f32, v: $v) {
                unsafe { $store(p, v) }
            }
            #[inline(always)]
            unsafe fn fma(a: $v, b: $v, c: $v) -> $v {
                unsafe { $fma(a, b, c) }
            }
            #[inline(always)]
            unsafe fn add(a: $v, b: $v) -> $v {
                unsafe { $add(a, b) }
            }
        }
    };
}

x86!(Avx512, 16, __m512, _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps, _mm512_fmadd_ps, _mm512_add_ps);
x86!(Avx2, 8, __m256, _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps, _mm256_fmadd_ps, _mm256_add_ps);

impl Simd for Portable {
    const N: usize = 4;
    type V = [f32; 4];
    #[inline(always)]
    unsafe fn splat(x: f32) -> [f32; 4] {
        [x; 4]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> [f32; 4] {
        unsafe { p.cast::<[f32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, v: [f32; 4]) {
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v) };
    }
    #[inline(always)]
    unsafe fn fma(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        std::array::from_fn(|i| a[i] + b[i])
    }
}

/// The SIMD level of the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// 16 floats at a time.
    Avx512,
    /// 8 floats at a time, fused multiply-add.
    Avx2,
    /// 4 floats at a time, as the compiler vectorises.
    Portable,
}

impl Level {
    /// Floats in a vector.
    pub fn lanes(self) -> usize {
        match self {
            Self::Avx512 => 16,
            Self::Avx2 => 8,
            Self::Portable => 4,
        }
    }

    /// Its name in the numerics class of an attempt.
    pub fn name(self) -> &'static str {
        match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

/// The best level of this processor; `DICHROIC_SIMD=avx2|portable` lowers it, for comparisons.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        let cap = std::env::var("DICHROIC_SIMD").unwrap_or_default();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if cap.is_empty() && avx2 && avx512 {
                return Level::Avx512;
            }
            if cap != "portable" && avx2 {
                return Level::Avx2;
            }
        }
        let _ = cap;
        Level::Portable
    })
}

/// `dispatch!(fn name(arguments) => body)` compiles `body::<S>` once per level and selects at run time.
macro_rules! dispatch {
    ($vis:vis fn $name:ident($($a:ident: $t:ty),* $(,)?) => $body:ident) => {
        #[allow(clippy::too_many_arguments)]
        $vis fn $name($($a: $t),*) {
            use $crate::simd;
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            unsafe fn avx512($($a: $t),*) {
                unsafe { $body::<simd::Avx512>($($a),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($a: $t),*) {
                unsafe { $body::<simd::Avx2>($($a),*) }
            }
            // SAFETY: the level says which features this processor has.
            unsafe {
                match simd::level() {
                    #[cfg(target_arch = "x86_64")]
                    simd::Level::Avx512 => avx512($($a),*),
                    #[cfg(target_arch = "x86_64")]
                    simd::Level::Avx2 => avx2($($a),*),
                    _ => $body::<simd::Portable>($($a),*),
                }
            }
        }
    };
}
pub(crate) use dispatch;
