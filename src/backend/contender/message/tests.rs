use super::*;
use crate::workload;

#[test]
fn requests_are_the_published_ones() {
    let gemm = workload::find("gemm").unwrap();
    let shape = gemm.shape("m=64,n=63,k=62").unwrap();
    let inputs = [PathBuf::from("/t/a.f32"), PathBuf::from("/t/b.f32")];
    let prepare = Request::Prepare {
        device: "cpu",
        workload: "gemm",
        shape: &shape,
        dtype: "f32",
        threads: 2,
        inputs: &inputs,
    };
    for (request, line) in [
        (Request::Hello { protocol: 2 }, r#"{"do":"hello","protocol":2}"#),
        (
            prepare,
            r#"{"do":"prepare","device":"cpu","workload":"gemm","shape":{"m":64,"n":63,"k":62,"ta":0,"tb":0},"dtype":"f32","threads":2,"inputs":["/t/a.f32","/t/b.f32"]}"#,
        ),
        (
            Request::Run { scope: Scope::EndToEnd, iterations: 3 },
            r#"{"do":"run","scope":"end_to_end","iterations":3}"#,
        ),
        (Request::Outputs { paths: &inputs[..1] }, r#"{"do":"outputs","paths":["/t/a.f32"]}"#),
        (Request::Release, r#"{"do":"release"}"#),
        (Request::Bye, r#"{"do":"bye"}"#),
    ] {
        assert_eq!(request.line(), format!("{line}\n"));
    }
}

/// The reply to a request that asks for nothing in particular.
fn read<T: Reply>(line: &str) -> Result<T, Refused> {
    super::read(line, &Request::Release)
}

fn read_times(line: &str) -> Result<Claim, Refused> {
    super::read(line, &Request::Run { scope: Scope::Compute, iterations: 2 })
}

#[test]
fn replies_are_read() {
    let hello: Hello = read(
        r#"{"protocol":1,"name":"pytorch","version":"2.15.0","extra":1,
            "devices":[{"id":"cuda-0","kind":"gpu","name":"any text"}]}"#,
    )
    .unwrap();
    assert_eq!((hello.name.as_str(), hello.devices[0].kind), ("pytorch", DeviceKind::Gpu));
    assert_eq!(hello.dtypes(), [Dtype::F32]);
    let hello: Hello = read(
        r#"{"protocol":2,"name":"x","version":"1","dtypes":["f64","i8","f32"],
            "devices":[{"id":"cpu","kind":"cpu","name":""}]}"#,
    )
    .unwrap();
    assert_eq!(hello.dtypes(), [Dtype::F32, Dtype::F64]);
    assert_eq!(read::<Done>(r#"{"ok":true,"threads":2}"#).unwrap().threads, Some(2));
    assert_eq!(read::<Done>(r#"{"ok":true}"#).unwrap().threads, None);
    let claim = read_times(r#"{"wall_s":[0.5,1e-6],"total_s":1}"#).unwrap();
    assert_eq!((claim.wall_s.as_slice(), claim.total_s), ([0.5, 1e-6].as_slice(), 1.0));
    let why = read::<Done>(r#"{"unsupported":"no dtype f16"}"#).unwrap_err();
    assert_eq!(why, Refused::Unsupported("no dtype f16".into()));
    let why = read::<Done>(r#"{"error":"out of memory"}"#).unwrap_err();
    assert_eq!(why, Refused::Error("out of memory".into()));
}

#[test]
fn nonsense_is_named() {
    let nonsense = |refused: Refused| match refused {
        Refused::Nonsense(what) => what,
        other => panic!("{other:?}"),
    };
    for (line, part) in [
        ("Loading weights", "is not JSON"),
        (r#"{"protocol":1,"name":"x""#, "is not JSON"),
        ("[]", "lacks"),
        (r#"{"protocol":1,"name":"x","version":"1"}"#, "missing field `devices`"),
        (r#"{"protocol":3,"name":"x","version":"1","devices":[]}"#, "speaks protocol 3"),
        (r#"{"protocol":2,"name":"x","version":"1","devices":[]}"#, "'dtypes' names none"),
        (r#"{"protocol":1,"name":"a b","version":"1","devices":[]}"#, "name 'a b'"),
        (r#"{"protocol":1,"name":"x","version":"1","devices":[]}"#, "has no device"),
    ] {
        let what = nonsense(read::<Hello>(line).unwrap_err());
        assert!(what.contains(part), "{line}: {what}");
    }
    assert!(nonsense(read::<Done>(r#"{"ok":false}"#).unwrap_err()).contains("false"));
    for (line, part) in [
        (r#"{"wall_s":[1],"total_s":2}"#, "wall_s holds 1 times for 2 iterations"),
        (r#"{"wall_s":[1,1],"device_s":[1],"total_s":2}"#, "device_s holds 1 times"),
        (r#"{"wall_s":[1,-1],"total_s":2}"#, "-1 is no time"),
        (r#"{"wall_s":[1,0],"total_s":2}"#, "0 is no time"),
        (r#"{"wall_s":[1,1],"total_s":1.8e18}"#, "1.8e18 is no time of a run"),
        (r#"{"wall_s":[1,-1e300],"total_s":2}"#, "-1e300 is no time of a run"),
        (r#"{"wall_s":[1,"x"],"total_s":2}"#, "lacks"),
        (r#"{"wall_s":[1,NaN],"total_s":2}"#, "is not JSON"),
    ] {
        let what = nonsense(read_times(line).unwrap_err());
        assert!(what.contains(part), "{line}: {what}");
    }
}
