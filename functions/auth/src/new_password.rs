use account::email::Email;
use account::password::{Context, Password};
use account::{Account, Accounts, strength};
use web::{Check, Problem};

/// 422 where the account must not have this password from now on: too short for what it is to be good for, common, or about the
/// account and its clinic.
pub(crate) fn check_new_password(
    accounts: &Accounts<'_>,
    account: &Account,
    password: &Password,
    field: &str,
) -> Result<(), Problem> {
    let email =
        Email::parse(account.email.expose()).map_err(|_| Problem::defect("an account holds what is no address"))?;
    let clinic = accounts.clinic(account.clinic).read()?.map(|clinic| clinic.value.name);
    let context = Context {
        email: email.folded(),
        display_name: account.display_name.expose(),
        clinic: clinic.as_ref().map_or("", |name| name.expose().as_str()),
    };
    let mut check = Check::new();
    password.check_new(&mut check, field, strength(&account.roles), &context);
    check.finish()
}
