using System.Runtime.InteropServices;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>SIGTERM and SIGINT as a task and a token: the daemon then ends by itself, with what is in flight finished.</summary>
public sealed class StopSignal : IDisposable
{
    private readonly TaskCompletionSource _requested = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    // Never disposed: a second signal may be taken while this ends.
    private readonly CancellationTokenSource _stop = new();

    public StopSignal() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Take),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Take),
    ];

    /// <summary>Completes with the first signal.</summary>
    public Task Requested => _requested.Task;

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        context.Cancel = true;
        _stop.Cancel();
        _requested.TrySetResult();
    }
}
