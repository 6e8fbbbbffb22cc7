using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using CsCheck;
using Qwamos.ControlBus.Json;
using Xunit;

namespace Qwamos.ControlBus.Tests.Json;

/// <summary>Other people's JSON libraries give the same bytes. Each test is one process that answers line by line.</summary>
public sealed class InteropTests
{
    private const int NodeValues = 100_000;
    private const int PythonValues = 100_000;

    [Fact]
    public async Task Node_gives_the_same_canonical_bytes_for_100000_values() =>
        await Agrees("node", "canonical.mjs", Generate(JsonGen.Any, NodeValues));

    // Python's sort is by code points and its numbers are not ECMAScript's: hence integers and names of U+0021-U+007E only.
    [Fact]
    public async Task Python_gives_the_same_canonical_bytes_over_the_domain_of_messages() =>
        await Agrees("python3", "canonical.py", Generate(JsonGen.Message, PythonValues));

    [Theory]
    [InlineData("[\"\\ud800\"]")]
    [InlineData("{\"\\udc00\":1}")]
    [InlineData("[1e400]")]
    [InlineData("[1,]")]
    public async Task Attack18_what_node_is_made_to_refuse_is_refused_here_too(string json)
    {
        Assert.Equal("refused", Assert.Single(await Ask("node", "canonical.mjs", [Encoding.UTF8.GetBytes(json)])));
        if (StrictJson.TryParse(Encoding.UTF8.GetBytes(json), out var value, out _)) Assert.Throws<ArgumentException>(() => CanonicalJson.Write(value));
    }

    private static async Task Agrees(string program, string script, List<JsonValue> values)
    {
        // Escaped as a sender might: control characters never stand in a line.
        var answers = await Ask(program, script, [.. values.Select(value => JsonText.Bytes(value))]);
        Assert.Equal(values.Count, answers.Count);
        for (var i = 0; i < answers.Count; i++)
            Assert.Equal(answers[i], Encoding.UTF8.GetString(CanonicalJson.Write(values[i])));
    }

    private static List<JsonValue> Generate(Gen<JsonValue> gen, int count)
    {
        var values = new List<JsonValue>(count);
        gen.Sample(values.Add, iter: count, threads: 1);
        return values;
    }

    private static async Task<List<string>> Ask(string program, string script, IReadOnlyList<byte[]> lines)
    {
        var start = new ProcessStartInfo(program, Path.Combine(Repository.Root, "tests", "interop", script))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardOutputEncoding = new UTF8Encoding(false),
        };
        using var process = TryStart(start);
        Assert.SkipWhen(process is null, $"{program} is not installed (apt install {(program == "node" ? "nodejs" : program)})");
        var writing = Task.Run(async () =>
        {
            await using var input = process.StandardInput.BaseStream;
            foreach (var line in lines)
            {
                await input.WriteAsync(line);
                await input.WriteAsync("\n"u8.ToArray());
            }
        });
        var answers = new List<string>(lines.Count);
        // Not ReadLine, which also ends a line at CR; canonical text holds no raw newline.
        var output = await process.StandardOutput.ReadToEndAsync();
        answers.AddRange(output.Split('\n')[..^1]);
        await writing;
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
        return answers;
    }

    private static Process? TryStart(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
