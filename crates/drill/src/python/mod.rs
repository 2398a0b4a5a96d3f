//! The subset of Python that scripts use between `%{` and `}%`: assertions, printing and
//! assignments, with expressions of numbers, strings and lists.

mod lexer;
mod operator;
mod parser;
mod stop;
mod value;

pub(crate) use parser::{Expr, Line, parse};
pub(crate) use stop::Stop;
pub(crate) use value::{EvalError, Value, Variables};

/// Runs code. `names` are the names it can use, and keep what it assigns; what it prints is added
/// to `output`.
pub(crate) fn run(text: &str, names: &mut Variables, output: &mut Vec<String>) -> Result<(), Stop> {
    for (line, statement) in parse(text)? {
        let failed = |error: EvalError| match error {
            EvalError::Wrong(why) => Stop::Failed { line, why },
            EvalError::Unsupported(what) => Stop::Unsupported { line, what },
        };
        match statement {
            Line::Assert { condition, message, text } => {
                if !condition.value(names).map_err(failed)?.is_true() {
                    let message = message.and_then(|message| message.value(names).ok());
                    let why = explain(&text, &condition, message.as_ref(), names);
                    return Err(Stop::Failed { line, why });
                }
            }
            Line::Print(all) => {
                let words: Result<Vec<String>, EvalError> =
                    all.iter().map(|one| Ok(one.value(names)?.to_string())).collect();
                output.push(words.map_err(failed)?.join(" "));
            }
            Line::Assign { name, value } => {
                let value = value.value(names).map_err(failed)?;
                names.insert(name, value);
            }
            Line::Nothing => {}
        }
    }
    Ok(())
}

/// The explanation of a failed assertion: `assert tcpi_snd_cwnd == 10: tcpi_snd_cwnd is 9`.
fn explain(text: &str, condition: &Expr, message: Option<&Value>, names: &Variables) -> String {
    let mut used = Vec::new();
    condition.names(&mut used);
    let values = used.iter().filter_map(|name| Some(format!("{name} is {}", names.get(name)?)));
    let mut why = format!("assert {text}");
    let values: Vec<String> = values.collect();
    if !values.is_empty() {
        why = format!("{why}: {}", values.join(", "));
    }
    if let Some(Value::Text(message)) = message {
        why = format!("{why} ({message})");
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Variables {
        [("tcpi_snd_cwnd", 10), ("tcpi_ca_state", 3), ("TCP_CA_Recovery", 3)]
            .map(|(name, value)| (name.to_owned(), Value::Int(value)))
            .into()
    }

    fn ok(text: &str) {
        let result = run(text, &mut names(), &mut Vec::new());
        assert_eq!(result, Ok(()), "{text}");
    }

    fn why(text: &str) -> String {
        match run(text, &mut names(), &mut Vec::new()) {
            Err(Stop::Failed { why, .. }) => why,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_holds() {
        for text in [
            "assert tcpi_snd_cwnd == 10, tcpi_snd_cwnd",
            "assert 9 <= tcpi_snd_cwnd < 11",
            "assert tcpi_ca_state == TCP_CA_Recovery, tcpi_ca_state; assert tcpi_snd_cwnd >= 10",
            "\nassert tcpi_snd_cwnd in (5, 10) # which\n\nassert 3 not in [1, 2]\n",
            "assert tcpi_snd_cwnd == 2 + 2 * 4 and not tcpi_snd_cwnd != 10 or False",
            "assert (tcpi_snd_cwnd ==\n  10)",
            "assert tcpi_snd_cwnd \\\n == 10",
            "assert -7 // 2 == -4 and -7 % 3 == 2 and 7 / 2 == 3.5 and 2 ** 10 == 0x400",
            "x = abs(-3); y = x + min(1, 2); assert y == 4, f'y={y}'",
            "assert max([1, 5, 2]) == 5 and len('abc') == 3 and int('12') == 12 and int(2.9) == 2",
            "assert 1 if tcpi_snd_cwnd > 5 else 0",
            "assert (6 & 3) | 8 == 10 and 1 << 4 == 16 and ~0 == -1 and 6 ^ 3 == 5",
            "print(tcpi_snd_cwnd); print('a', 'b')",
            "assert tcpi_snd_cwnd == 10, 'cwnd=%d' % tcpi_snd_cwnd",
            "pass",
            "x = 1\nx += 2\nassert x == 3",
            "assert tcpi_snd_cwnd == 10 \\",
        ] {
            ok(text);
        }
    }

    #[test]
    fn what_does_not_hold_says_why() {
        assert_eq!(
            why("assert tcpi_snd_cwnd == 9, tcpi_snd_cwnd"),
            "assert tcpi_snd_cwnd == 9: tcpi_snd_cwnd is 10"
        );
        assert_eq!(why("assert 1 > 2, 'cwnd=%d' % 7"), "assert 1 > 2 (cwnd=7)");
        assert!(why("assert nothing == 1").contains("`nothing` is not defined"));
        assert!(why("assert 1 / 0").contains("division by zero"));
        assert!(why("assert (1").contains("`)`"));
        assert!(why("assert 'a' < 1").contains("cannot"));
    }

    #[test]
    fn what_is_not_run_is_named() {
        for text in ["for x in y: pass", "assert tcpi_no_such_field == 1", "import os", "open('x')"]
        {
            let result = run(text, &mut names(), &mut Vec::new());
            assert!(matches!(result, Err(Stop::Unsupported { .. })), "{text}: {result:?}");
        }
    }

    #[test]
    fn prints_go_to_the_output_and_assignments_stay() {
        let (mut names, mut output) = (names(), Vec::new());
        run("a = 'x' ; print(a, tcpi_snd_cwnd, [1, 2])", &mut names, &mut output).unwrap();
        assert_eq!(output, ["x 10 [1, 2]"]);
        run("assert a == 'x'", &mut names, &mut output).unwrap();
    }

    #[test]
    fn no_input_overflows_or_nests_without_end() {
        assert!(why("assert 170141183460469231731687303715884105727 + 1").contains("too large"));
        assert!(why("assert 2 ** 99999999").contains("too large"));
        assert!(why(&format!("assert {}1", "(".repeat(100_000))).contains("nested"));
        assert!(why(&format!("assert {}1", "not ".repeat(100_000))).contains("nested"));
    }
}
