//! The macro behind the function tables.
//!
//! A table has one entry per C function, `kind name(arguments) -> result;`, where the kind says how
//! the function reports a failure:
//!
//! * `status`: it returns a status code;
//! * `release`: it returns a status code that nobody can act on, so it is logged and success returned;
//! * `handle`: it returns a handle or an address, and the status code through one more argument at
//!   the end, `errcode_ret`, which the table leaves out;
//! * `pointer`: it returns an address, or null;
//! * `void`: it returns nothing;
//! * `by_hand`: it returns a status code and is written out next to the table.
//!
//! The argument types are those that `cl-sys` declares. The tests compare each signature with the
//! declaration, and the declarations with the list of entries.

/// Defines the functions of a table and, for the tests, `probes()`, the list of them.
macro_rules! functions {
    ($($kind:ident $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        $(define!($kind $name($($arg: $type),*) $(-> $result)?);)*

        #[cfg(test)]
        pub(crate) fn probes() -> Vec<crate::tests::Probe> {
            vec![$(probe!($kind $name($($type),*) $(-> $result)?)),*]
        }
    };
}

/// Defines one function: look up the real one, call it with the same arguments, and report a code
/// that `ocl-core` can take.
macro_rules! define {
    (status $name:ident($($arg:ident: $type:ty),*)) => {
        define!(reporting known $name($($arg: $type),*));
    };
    (release $name:ident($($arg:ident: $type:ty),*)) => {
        define!(reporting released $name($($arg: $type),*));
    };
    (reporting $report:ident $name:ident($($arg:ident: $type:ty),*)) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $name($($arg: $type),*) -> cl_int {
            type Real = unsafe extern "system" fn($($type),*) -> cl_int;
            static REAL: Entry<Real> = Entry::new(stringify!($name));
            // SAFETY: `Real` is this function's own signature, which is the one `cl-sys` declares
            // for the C function of this name.
            match unsafe { REAL.get() } {
                // SAFETY: the arguments go on unchanged, so what the caller promised for this
                // function holds for the real one.
                Some(real) => $report(stringify!($name), unsafe { real($($arg),*) }),
                None => CL_INVALID_OPERATION,
            }
        }
    };
    (handle $name:ident($($arg:ident: $type:ty),*) -> $result:ty) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $name(
            $($arg: $type,)*
            errcode_ret: *mut cl_int,
        ) -> $result {
            type Real = unsafe extern "system" fn($($type,)* *mut cl_int) -> $result;
            static REAL: Entry<Real> = Entry::new(stringify!($name));
            let mut code = CL_SUCCESS;
            // SAFETY: `Real` is this function's own signature, which is the one `cl-sys` declares
            // for the C function of this name.
            let result = match unsafe { REAL.get() } {
                // SAFETY: the arguments go on unchanged, so what the caller promised for this
                // function holds for the real one; `code` outlives the call.
                Some(real) => unsafe { real($($arg,)* &raw mut code) },
                None => {
                    code = CL_INVALID_OPERATION;
                    std::ptr::null_mut()
                }
            };
            let code = known(stringify!($name), code);
            if !errcode_ret.is_null() {
                // SAFETY: OpenCL asks of the caller that this be null or room for a status code.
                unsafe { errcode_ret.write(code) };
            }
            result
        }
    };
    (pointer $name:ident($($arg:ident: $type:ty),*) -> $result:ty) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $name($($arg: $type),*) -> $result {
            type Real = unsafe extern "system" fn($($type),*) -> $result;
            static REAL: Entry<Real> = Entry::new(stringify!($name));
            // SAFETY: `Real` is this function's own signature, which is the one `cl-sys` declares
            // for the C function of this name.
            match unsafe { REAL.get() } {
                // SAFETY: the arguments go on unchanged, so what the caller promised for this
                // function holds for the real one.
                Some(real) => unsafe { real($($arg),*) },
                None => std::ptr::null_mut(),
            }
        }
    };
    (void $name:ident($($arg:ident: $type:ty),*)) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $name($($arg: $type),*) {
            type Real = unsafe extern "system" fn($($type),*);
            static REAL: Entry<Real> = Entry::new(stringify!($name));
            // SAFETY: `Real` is this function's own signature, which is the one `cl-sys` declares
            // for the C function of this name.
            if let Some(real) = unsafe { REAL.get() } {
                // SAFETY: the arguments go on unchanged, so what the caller promised for this
                // function holds for the real one.
                unsafe { real($($arg),*) }
            }
        }
    };
    (by_hand $name:ident($($arg:ident: $type:ty),*)) => {};
}

/// What the tests look at for one function. The array compiles only if the signatures are equal.
#[cfg(test)]
macro_rules! probe {
    (status $name:ident($($type:ty),*)) => {{
        let both: [unsafe extern "system" fn($($type),*) -> cl_int; 2] = [$name, cl_sys::$name];
        crate::tests::Probe::new(stringify!($name), both.map(|f| f as *const ()), || {
            // SAFETY: all arguments are numbers or pointers that may be null, and without a library
            // nobody looks at them.
            Some(unsafe { $name($(std::mem::zeroed::<$type>()),*) })
        })
    }};
    (release $name:ident($($type:ty),*)) => { probe!(status $name($($type),*)) };
    (by_hand $name:ident($($type:ty),*)) => { probe!(status $name($($type),*)) };
    (handle $name:ident($($type:ty),*) -> $result:ty) => {{
        let both: [unsafe extern "system" fn($($type,)* *mut cl_int) -> $result; 2] =
            [$name, cl_sys::$name];
        crate::tests::Probe::new(stringify!($name), both.map(|f| f as *const ()), || {
            let mut code = CL_SUCCESS;
            // SAFETY: as for `status`; `code` outlives the calls, and null is allowed for it.
            let results = unsafe {
                [
                    $name($(std::mem::zeroed::<$type>(),)* &raw mut code),
                    $name($(std::mem::zeroed::<$type>(),)* std::ptr::null_mut()),
                ]
            };
            assert!(results.iter().all(|result| result.is_null()));
            Some(code)
        })
    }};
    (pointer $name:ident($($type:ty),*) -> $result:ty) => {{
        let both: [unsafe extern "system" fn($($type),*) -> $result; 2] = [$name, cl_sys::$name];
        crate::tests::Probe::new(stringify!($name), both.map(|f| f as *const ()), || {
            // SAFETY: as for `status`.
            assert!(unsafe { $name($(std::mem::zeroed::<$type>()),*) }.is_null());
            None
        })
    }};
    (void $name:ident($($type:ty),*)) => {{
        let both: [unsafe extern "system" fn($($type),*); 2] = [$name, cl_sys::$name];
        crate::tests::Probe::new(stringify!($name), both.map(|f| f as *const ()), || {
            // SAFETY: as for `status`.
            unsafe { $name($(std::mem::zeroed::<$type>()),*) }
            None
        })
    }};
}
