using System.Text.Json;
using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>A booted machine, and on it the built packages and nothing else of ours.</summary>
internal sealed class InstalledSystem : IDisposable
{
    private readonly Container _machine;

    private InstalledSystem(Container machine) => _machine = machine;

    public Container Machine => _machine;

    /// <summary>The packages of Dom0, and others that are named, on a booted machine; the key of its operator, `ada`, is enrolled. The daemon runs.</summary>
    public static InstalledSystem BootEnrolled(params string[] packages)
    {
        InstalledSystem system = BootInstalled(packages);
        try
        {
            system.Enrol();
            return system;
        }
        catch
        {
            system.Dispose();
            throw;
        }
    }

    /// <summary>The same where nobody is enrolled; the operator may use the socket.</summary>
    public static InstalledSystem BootInstalled(params string[] packages)
    {
        InstalledSystem system = BootWithOperator();
        try
        {
            system.InstallPackages(BuiltRelease.Once(), ["qwamosctl", "qwamos-dom0", .. packages]);
            system._machine.Do("usermod -aG qwamos ada");
            return system;
        }
        catch
        {
            system.Dispose();
            throw;
        }
    }

    /// <summary>Boots a machine with nothing of ours on it, and its operator, `ada`.</summary>
    public static InstalledSystem BootWithOperator()
    {
        var system = new InstalledSystem(Container.Make());
        try
        {
            system._machine.Boot();
            system._machine.Do("useradd --create-home --shell /bin/sh ada");
            return system;
        }
        catch
        {
            system.Dispose();
            throw;
        }
    }

    /// <summary>Installs packages, newer or older ones in place of those that are there; gives what dpkg and they print.</summary>
    public string InstallPackages(BuiltRelease release, params string[] names)
    {
        foreach (string name in names)
            File.Copy(release.Package(name), _machine.At($"/root/{name}.deb"), overwrite: true);
        return _machine.Do($"cd /root && DEBIAN_FRONTEND=noninteractive dpkg -i {string.Join(' ', names.Select(name => name + ".deb"))} 2>&1");
    }

    /// <summary>Runs a shell command as a person at a terminal does, who types one line when asked; it must succeed.</summary>
    public string AtTerminal(string user, string command, string typed)
    {
        _machine.Write("/srv/typed-command", command + "\n");
        string asUser = $"setpriv --reuid={user} --regid={user} --init-groups env HOME=$(getent passwd {user} | cut -d: -f6) /bin/sh /srv/typed-command";
        return _machine.Do($"printf '%s\\n' '{typed}' | script -q -e -c '{asUser}' /dev/null");
    }

    /// <summary>The operator's key is made, enrolled, and the operator may use the socket.</summary>
    public void Enrol()
    {
        _machine.Do("usermod -aG qwamos ada");
        string id = As("ada", "qwamosctl --color never keys >/dev/null; qwamosctl key show -o json").Output;
        using JsonDocument key = JsonDocument.Parse(id);
        string fingerprint = key.RootElement.GetProperty("key_id").GetString()!;
        _machine.Do($"qwamosd enroll /home/ada/.qwamos/dom0/ed25519_pk --fingerprint {fingerprint}");
        _machine.Do("systemctl reset-failed; systemctl restart qwamosd.service");
    }

    /// <summary>Runs a shell command as a user, in the group of the socket.</summary>
    public CommandResult As(string user, string command) => _machine.Run($"exec setpriv --reuid={user} --regid={user} --init-groups env HOME=/home/{user} /bin/sh -c '{command}'");

    /// <summary>Runs the client as the operator; it must succeed.</summary>
    public string Client(string arguments)
    {
        CommandResult result = As("ada", "qwamosctl " + arguments);
        Assert.True(result.ExitCode == 0, $"qwamosctl {arguments} ended with {result.ExitCode}:\n{result.Output}{result.Error}\n{_machine.Run("journalctl -b --no-pager | tail -n 40").Output}");
        return result.Output;
    }

    /// <summary>The status, as the client shows it to programs.</summary>
    public JsonElement Status() => JsonDocument.Parse(Client("status -o json")).RootElement;

    public void Dispose() => _machine.Dispose();
}
