//! The real library, as far as this machine has one: every device does a little work.

use ocl::core::{DeviceInfo, Status};
use ocl::flags::CommandQueueProperties;
use ocl::{Buffer, Context, Device, Kernel, Platform, Program, Queue};

const SOURCE: &str = "__kernel void add(__global float* data, float term) {
    data[get_global_id(0)] += term;
}";

#[test]
fn every_device_adds_numbers() {
    let platforms = ocl::core::get_platform_ids().expect("a list, possibly empty");
    match opencl_shim::loader() {
        Ok(loader) => println!("{}: {} platforms", loader.path().display(), platforms.len()),
        Err(why) => {
            println!("nothing to test: {why}");
            assert!(platforms.is_empty());
        }
    }
    for platform in platforms.into_iter().map(Platform::new) {
        let name = platform.name().expect("a platform has a name");
        // A platform without devices is an error to `list_all`, and nothing unusual.
        let devices = match Device::list_all(platform) {
            Ok(devices) => devices,
            Err(error) => {
                println!("{name}: {error}");
                continue;
            }
        };
        for device in devices {
            println!("{name}: {}", device.info(DeviceInfo::Name).expect("a name"));
            add(platform, device).expect("the device can add");
            fail(platform, device);
        }
    }
    assert_eq!(opencl_shim::take_unknown_status(), []);
}

/// Goes through functions of each kind: status, handle and, with the mapping, address.
fn add(platform: Platform, device: Device) -> ocl::Result<()> {
    let context = Context::builder().platform(platform).devices(device).build()?;
    let queue = Queue::new(&context, device, Some(CommandQueueProperties::PROFILING_ENABLE))?;
    let program = Program::builder().src(SOURCE).devices(device).build(&context)?;
    let buffer = Buffer::<f32>::builder().queue(queue.clone()).len(64).fill_val(1.0).build()?;
    let kernel = Kernel::builder()
        .program(&program)
        .name("add")
        .queue(queue.clone())
        .global_work_size(64)
        .arg(&buffer)
        .arg(2.0_f32)
        .build()?;
    // SAFETY: the kernel writes 64 numbers of a buffer that has 64.
    unsafe { kernel.enq()? };
    // SAFETY: nothing else uses the buffer while it is mapped.
    let mapped = unsafe { buffer.map().read().enq()? };
    assert!(mapped.iter().all(|&value| value == 3.0));
    drop(mapped);
    queue.finish()
}

/// A status code comes back as it is.
fn fail(platform: Platform, device: Device) {
    let context = Context::builder().platform(platform).devices(device).build().expect("a context");
    let program = Program::builder().src(SOURCE).devices(device).build(&context).expect("compiles");
    let Err(ocl::Error::OclCore(error)) = Kernel::builder().program(&program).name("sub").build()
    else {
        panic!("there is no such kernel");
    };
    assert_eq!(error.api_status(), Some(Status::CL_INVALID_KERNEL_NAME));
}
