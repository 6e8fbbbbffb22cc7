using System.Text;
using Qwamos.Client;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.ControlBus.Tests.Client;

/// <summary>Runs the client in this process, under a root of its own, and keeps what it printed.</summary>
internal sealed class ClientTrial : IDisposable
{
    private readonly MemoryStream output = new();
    private readonly MemoryStream error = new();

    public string Root { get; } = Directory.CreateTempSubdirectory("qw-").FullName;

    public string Home => Path.Combine(Root, "home");

    public string Socket => Path.Combine(Root, "bus.sock");

    public string Input { get; set; } = "";

    /// <summary>Whether somebody is there to be asked.</summary>
    public bool HasPerson { get; set; }

    /// <summary>What is typed where a passphrase is asked for, one after the other; nobody is there when it is empty.</summary>
    public Queue<string> Passphrases { get; } = [];

    public List<string> Asked { get; } = [];

    public bool Colour { get; set; }

    /// <summary>Whether whoever read standard output has gone.</summary>
    public Func<bool> IsOutputClosed { get; set; } = () => false;

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public string Output => Encoding.UTF8.GetString(output.ToArray());

    public string Error => Encoding.UTF8.GetString(error.ToArray());

    /// <summary>The same without the options of <see cref="Run"/> in the commands that are proposed.</summary>
    public string PlainError => Error.Replace($"qwamosctl --root {Root} --home {Home} --socket {Socket} ", "qwamosctl ", StringComparison.Ordinal);

    /// <summary>The one JSON object on standard output.</summary>
    public JsonValue Json => Parse(Output);

    public bool HasKey => File.Exists(Path.Combine(Home, "ed25519_sk"));

    public static JsonValue Parse(string text) =>
        StrictJson.TryParse(Encoding.UTF8.GetBytes(text.Trim()), out var value, out var fault) ? value : throw new InvalidOperationException(fault + ": " + text);

    public int Run(params string[] arguments) => RunBare(["--root", Root, "--home", Home, "--socket", Socket, .. arguments]);

    /// <summary>With exactly these arguments.</summary>
    public int RunBare(string[] arguments)
    {
        output.SetLength(0);
        error.SetLength(0);
        Terminal terminal = new(new PipeOrFile(output, () => IsOutputClosed()), error, () => new MemoryStream(Encoding.UTF8.GetBytes(Input)), Clock, Colour, HasPerson, AskSecret);
        return Program.Run(arguments, terminal);
    }

    private SecretBytes? AskSecret(string question)
    {
        if (!Passphrases.TryDequeue(out var typed))
            return null;
        Asked.Add(question);
        return Keys.ProtectedKeyTests.Secret(typed + "\n");
    }

    public string Write(string name, string content)
    {
        var path = Path.Combine(Root, name);
        File.WriteAllText(path, content);
        return path;
    }

    /// <summary>Gives this machine a system ID.</summary>
    public void IsOf(string system) => File.WriteAllText(Path.Combine(Etc, "system.id"), system + "\n");

    /// <summary>Enrols an operator's key on this machine.</summary>
    public void Enrol(VerifyingKey key)
    {
        var file = Path.Combine(Etc, "dom0.pub");
        File.WriteAllBytes(file, key.Raw.ToArray());
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private string Etc => Directory.CreateDirectory(Path.Combine(Root, "etc", "qwamos")).FullName;

    /// <summary>Whether a request carries a good signature by this trial's key over its canonical msg.</summary>
    public bool IsSignedByOperator(string request)
    {
        var envelope = Parse(request);
        return envelope.TryGet("msg", out var message)
            && envelope.TryGet("signature", out var signature)
            && new KeyHome(Home).TryLoadPublic(out var key, out _)
            && key.Verify(CanonicalJson.Write(message), Convert.FromBase64String(signature.AsString));
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);

    /// <summary>Standard output that breaks when its reader has gone.</summary>
    private sealed class PipeOrFile(MemoryStream kept, Func<bool> isClosed) : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (isClosed())
                throw new IOException("Broken pipe");
            kept.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    }
}
