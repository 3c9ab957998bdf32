//! The macros behind the table of functions.
//!
//! The table has one entry per C function, `kind name(arguments) -> result;`, where the kind says how
//! the function reports a failure:
//!
//! * `status`: it returns a status code;
//! * `info`: a `status` whose last arguments, which the table leaves out, are room for the answer;
//! * `enqueue`: a `status` whose first argument is a queue and whose last are events, all left out;
//! * `release`: it returns a status code that nobody can act on, so it is logged and success returned;
//! * `handle`: it returns a handle or an address, and the status code through one more argument at
//!   the end, `errcode_ret`, which the table leaves out;
//! * `pointer`: it returns an address, or null;
//! * `by_hand`: it returns a status code and is written out next to the table.
//!
//! The argument types are those that `cl-sys` declares. The tests compare each signature with the
//! declaration, and the list of entries with the calls in the sources of `ocl`.

/// Defines the functions of a table and, for the tests, `probes()`, the list of them.
macro_rules! functions {
    ($($kind:ident $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?;)*) => {
        $(in_full! { define $kind $name($($arg: $type),*) $(-> $result)? })*

        #[cfg(test)]
        pub(crate) fn probes() -> Vec<crate::tests::Probe> {
            vec![$(in_full! { probe $kind $name($($arg: $type),*) $(-> $result)? }),*]
        }
    };
}

/// Hands a function to another macro, with the arguments that its kind leaves out.
macro_rules! in_full {
    ($then:ident info $name:ident($($arg:ident: $type:ty),*)) => {
        $then! { status $name(
            $($arg: $type,)*
            param_value_size: size_t,
            param_value: *mut c_void,
            param_value_size_ret: *mut size_t
        ) }
    };
    ($then:ident enqueue $name:ident($($arg:ident: $type:ty),*)) => {
        $then! { status $name(
            command_queue: cl_command_queue,
            $($arg: $type,)*
            num_events_in_wait_list: cl_uint,
            event_wait_list: *const cl_event,
            event: *mut cl_event
        ) }
    };
    ($then:ident $($function:tt)*) => { $then! { $($function)* } };
}

/// Defines one function: look up the real one, call it with the same arguments, and report a code
/// that `ocl-core` can take.
macro_rules! define {
    (status $($function:tt)*) => { define! { reporting known $($function)* } };
    (release $($function:tt)*) => { define! { reporting released $($function)* } };
    (by_hand $($function:tt)*) => {};
    (reporting $report:ident $name:ident($($arg:ident: $type:ty),*)) => {
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $name($($arg: $type),*) -> cl_int {
            type Real = unsafe extern "system" fn($($type),*) -> cl_int;
            static REAL: Entry<Real> = Entry::new(stringify!($name));
            // SAFETY: `Real` is this function's own signature, which is the one `cl-sys` declares
            // for the C function of this name.
            match unsafe { REAL.get() } {
                // SAFETY: what the caller promised of handles holds here.
                Some(_) if !unsafe { REAL.is_in_driver(object!($name $($arg)*)) } => {
                    $report(stringify!($name), CL_INVALID_OPERATION)
                }
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
            let real = unsafe { REAL.get() }
                // SAFETY: what the caller promised of handles holds here.
                .filter(|_| unsafe { REAL.is_in_driver(object!($name $($arg)*)) });
            let result = match real {
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
            let real = unsafe { REAL.get() }
                // SAFETY: what the caller promised of handles holds here.
                .filter(|_| unsafe { REAL.is_in_driver(object!($name $($arg)*)) });
            match real {
                // SAFETY: the arguments go on unchanged, so what the caller promised for this
                // function holds for the real one.
                Some(real) => unsafe { real($($arg),*) },
                None => std::ptr::null_mut(),
            }
        }
    };
}

/// The object whose driver a loader asks for a function: the first argument, but for three functions.
macro_rules! object {
    (clCreateContext $properties:ident $count:ident $devices:ident $($rest:ident)*) => {
        crate::dispatch::first_of($count, $devices)
    };
    (clCreateContextFromType $properties:ident $($rest:ident)*) => {
        crate::dispatch::platform_of($properties)
    };
    (clWaitForEvents $count:ident $events:ident) => {
        crate::dispatch::first_of($count, $events)
    };
    ($name:ident $first:ident $($rest:ident)*) => {
        $first.cast_const()
    };
}

/// What the tests look at for one function. The array compiles only if the signatures are equal.
#[cfg(test)]
macro_rules! probe {
    (status $name:ident($($arg:ident: $type:ty),*)) => {{
        let both: [unsafe extern "system" fn($($type),*) -> cl_int; 2] = [$name, cl_sys::$name];
        crate::tests::Probe::new(stringify!($name), both.map(|f| f as *const ()), || {
            // SAFETY: all arguments are numbers or pointers that may be null, and without a library
            // nobody looks at them.
            Some(unsafe { $name($(std::mem::zeroed::<$type>()),*) })
        })
    }};
    (release $($function:tt)*) => { probe!(status $($function)*) };
    (by_hand $($function:tt)*) => { probe!(status $($function)*) };
    (handle $name:ident($($arg:ident: $type:ty),*) -> $result:ty) => {{
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
    (pointer $name:ident($($arg:ident: $type:ty),*) -> $result:ty) => {{
        let both: [unsafe extern "system" fn($($type),*) -> $result; 2] = [$name, cl_sys::$name];
        crate::tests::Probe::new(stringify!($name), both.map(|f| f as *const ()), || {
            // SAFETY: as for `status`.
            assert!(unsafe { $name($(std::mem::zeroed::<$type>()),*) }.is_null());
            None
        })
    }};
}
