using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Qwamos.SystemTests.Harness;

/// <summary>One started program whose standard error is collected; killed with its tracer when disposed.</summary>
internal sealed partial class RunningProgram : IDisposable
{
    public const int SigTerm = 15;
    public const int SigKill = 9;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string _name;
    private int _isDisposed;

    private RunningProgram(Process process, string name)
    {
        _process = process;
        _name = name;
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Log
    {
        get { lock (_gate) return _log.ToString(); }
    }

    /// <summary>Starts <paramref name="command"/>; <see cref="WaitReady"/> sees the line that says <c>ready</c>.</summary>
    public static RunningProgram Start(IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardError = true, RedirectStandardOutput = true, RedirectStandardInput = true };
        foreach (string argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        var program = new RunningProgram(process, Path.GetFileName(command[0]));
        process.StandardInput.Close();
        process.ErrorDataReceived += (_, line) => program.Take(line.Data);
        process.OutputDataReceived += (_, line) => program.Take(line.Data);
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return program;
    }

    public void WaitReady()
    {
        Task exited = _process.WaitForExitAsync();
        int first = Task.WaitAny([_ready.Task, exited], Patience);
        if (!_ready.Task.IsCompletedSuccessfully)
            throw new InvalidOperationException($"{_name} is not ready ({(first == 1 ? $"exit code {_process.ExitCode}" : "no answer")}):\n{Log}");
    }

    /// <summary>Waits until the log contains <paramref name="text"/>.</summary>
    public void WaitForLog(string text) => Eventually.True(() => Log.Contains(text, StringComparison.Ordinal), $"{_name} logs '{text}'", () => Log);

    public void Signal(int signal) => _ = Kill(_process.Id, signal);

    public int WaitForExit()
    {
        if (!_process.WaitForExit(Patience))
            throw new TimeoutException($"{_name} does not end:\n{Log}");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public int Stop()
    {
        Signal(SigTerm);
        return WaitForExit();
    }

    public void Kill9()
    {
        Signal(SigKill);
        WaitForExit();
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
            return;
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit(Patience);
        _process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null)
            return;
        lock (_gate)
            _log.AppendLine(line);
        if (line.TrimEnd().EndsWith("ready", StringComparison.Ordinal) || line.Contains(" ready ", StringComparison.Ordinal) || line.Contains("\"ready\"", StringComparison.Ordinal))
            _ready.TrySetResult();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
