# Sign programs with the certificate in the environment: CERTIFICATE (a .pfx file as base64) and CERTIFICATE_PASSWORD.
#   packaging/windows/sign.ps1 FILE...

$ErrorActionPreference = "Stop"
$certificate = Join-Path $env:RUNNER_TEMP "heft.pfx"
[IO.File]::WriteAllBytes($certificate, [Convert]::FromBase64String($env:CERTIFICATE))
try {
    $tools = Get-ChildItem "${env:ProgramFiles(x86)}\Windows Kits\10\bin\*\x64\signtool.exe" | Sort-Object FullName
    & $tools[-1].FullName sign /f $certificate /p $env:CERTIFICATE_PASSWORD /fd SHA256 `
        /tr http://timestamp.digicert.com /td SHA256 @args
    if ($LASTEXITCODE -ne 0) { throw "signtool ended with $LASTEXITCODE" }
} finally {
    Remove-Item $certificate
}
